"""CSV and TSV files as batches of binary columns, with line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from manyhot.errors import DataError
from manyhot.kernels import QuoteScan

from ._batches import Rejects, SourceBatch

__all__ = ["csv_names", "read_csv"]

_BLOCK = 8 << 20


def csv_names(path: Path, names: tuple[str, ...] | None, delimiter: str) -> list[str]:
    """The columns of a file: `names` where given, else its header. Raises DataError where there is none."""
    if names is not None:
        return list(names)
    try:
        header = next(record for _, record in _records(path, delimiter) if record)
    except StopIteration:
        raise DataError(f"{path}: is empty, not even a header is there") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot read it as CSV: {error}") from None
    return header


def read_csv(
    path: Path, columns: list[str], names: tuple[str, ...] | None, delimiter: str, rejects: Rejects
) -> Iterator[SourceBatch]:
    """Batches of `columns`, all binary, "" being null. Lines with a wrong number of columns go to `rejects`.

    Empty lines are no rows, except in a file of one column, where they are missing values.
    """
    one_column = len(csv_names(path, names, delimiter)) == 1
    lead = _lines_before_header(path, delimiter) if one_column and names is None else 0
    lines = _CsvLines(path, delimiter, one_column, (1 if names is not None else 2) + lead)

    def on_invalid(row: pacsv.InvalidRow) -> str:
        lines.without_row.append(row.number)
        rejects.num_read += 1
        why = f"has {row.actual_columns} columns instead of {row.expected_columns}"
        rejects.add(str(path), row.number, lambda: f"{lines.where(row.number)}: {why}")
        return "skip"

    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            watched = _Watched(stream, delimiter)
            reader = pacsv.open_csv(
                watched,
                read_options=pacsv.ReadOptions(
                    use_threads=False, block_size=_BLOCK, column_names=names, skip_rows=lead
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=not one_column,
                    invalid_row_handler=on_invalid,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.binary()),
                    include_columns=columns,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    null_values=[""],
                ),
            )
            first_row = 0
            for batch in reader:
                yield SourceBatch(batch, str(path), first_row, lines)
                first_row += batch.num_rows
        if not watched.quotes.is_closed:
            _check_quotes(path, delimiter)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot read it as CSV: {error}") from None


class _Watched:
    """A stream that looks at the quotes of what is read from it: only a file that has a wrong one is read again."""

    closed = False

    def __init__(self, stream: pa.NativeFile, delimiter: str) -> None:
        self._stream, self.quotes = stream, QuoteScan(delimiter.encode())

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._stream.read(None if size < 0 else size)
        self.quotes.feed(block)
        return block

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _check_quotes(path: Path, delimiter: str) -> None:
    """Raises DataError where a quote is opened and not closed before a separator.

    Arrow would take the rows up to the next quote, or to the end of the file, for one value, in silence.
    """
    last = 1
    try:
        for line, _ in _records(path, delimiter, strict=True):
            last = line + 1
    except csv.Error as error:
        raise DataError(
            f"{path}:{last}: at or after this line a quote is not closed as it should be: {error}"
        ) from None


@dataclass
class _CsvLines:
    """Numbers records as Arrow does: from 1, the header among them, empty lines only where they are rows."""

    path: Path
    delimiter: str
    count_empty: bool
    first: int  # number of the first row
    without_row: list[int] = field(default_factory=list)  # rising

    def number(self, row: int) -> int:
        number = self.first + row
        for skipped in self.without_row:  # each one at or before the row moves it on by one
            number += skipped <= number
        return number

    def where(self, number: int) -> str:
        """Reads the file again to count its lines: empty ones, and those inside quotes."""
        records = (line for line, record in _records(self.path, self.delimiter) if record or self.count_empty)
        line = next((line for seen, line in enumerate(records, 1) if seen == number), "?")
        return f"{self.path}:{line}"


def _lines_before_header(path: Path, delimiter: str) -> int:
    """How many empty lines there are before the first other one."""
    return next(line for line, record in _records(path, delimiter) if record) - 1


def _records(path: Path, delimiter: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The first line of each record, from 1, and its values; an empty line is a record of none."""
    csv.field_size_limit(1 << 30)
    with (
        pa.input_stream(str(path), compression="detect") as stream,
        TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text,
    ):
        reader = csv.reader(text, delimiter=delimiter, strict=strict)
        first = 1
        for record in reader:
            yield first, record
            first = reader.line_num + 1
