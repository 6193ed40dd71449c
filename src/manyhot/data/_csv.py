"""CSV and TSV files as batches of binary columns, with line numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from manyhot.errors import DataError

from ._batches import Rejects, SourceBatch

__all__ = ["csv_names", "read_csv"]

_BLOCK = 8 << 20


def csv_names(path: Path, names: tuple[str, ...] | None, delimiter: str) -> list[str]:
    """The columns of a file: `names` where given, else its header."""
    if names is not None:
        return list(names)
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(use_threads=False, block_size=1 << 20),
                parse_options=pacsv.ParseOptions(delimiter=delimiter, invalid_row_handler=lambda row: "skip"),
            )
            return list(reader.schema.names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot read it as CSV: {error}") from None


def read_csv(
    path: Path, columns: list[str], names: tuple[str, ...] | None, delimiter: str, rejects: Rejects
) -> Iterator[SourceBatch]:
    """Batches of `columns`, all binary, "" being null. Lines with a wrong number of columns go to `rejects`."""
    invalid: list[int] = []  # lines without a row, counted as Arrow counts: from 1, without empty lines

    def on_invalid(row: pacsv.InvalidRow) -> str:
        invalid.append(row.number)
        rejects.num_read += 1
        rejects.add(
            lambda: (
                f"{path}:{_line_in_file(path, row.number)}: "
                f"has {row.actual_columns} columns instead of {row.expected_columns}"
            )
        )
        return "skip"

    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names),
                parse_options=pacsv.ParseOptions(delimiter=delimiter, invalid_row_handler=on_invalid),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.binary()),
                    include_columns=columns,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    null_values=[""],
                ),
            )
            first_row = 0
            first_line = 1 if names is not None else 2
            for batch in reader:
                yield SourceBatch(batch, str(path), first_row, _place(path, first_row + first_line, invalid))
                first_row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot read it as CSV: {error}") from None


def _place(path: Path, first_line: int, invalid: list[int]) -> Callable[[int], str]:
    def place(row: int) -> str:
        line = first_line + row
        for skipped in invalid:  # rising; each one at or before the line moves it on by one
            line += skipped <= line
        return f"{path}:{_line_in_file(path, line)}"

    return place


def _line_in_file(path: Path, number: int) -> int:
    """The line of a file, empty ones counted, that is number `number` without them."""
    with pa.input_stream(str(path), compression="detect") as stream:
        seen = line = 0
        rest = b""
        while block := stream.read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for text in lines:
                line += 1
                seen += text not in (b"", b"\r")
                if seen == number:
                    return line
    return line + 1
