"""CSV and TSV files as batches of binary columns, with line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import Literal

import pyarrow as pa
import pyarrow.csv as pacsv

from manyhot.errors import DataError
from manyhot.kernels import QuoteScan
from manyhot.schema import Reading

from .._batches import Rejects, SourceBatch
from ._file import File
from ._source import check_columns

__all__ = ["CsvFormat"]

_BLOCK = 8 << 20


class CsvFormat:
    """Files of separated values, all binary, "" being null.

    Lines with a wrong number of columns go to the rejects. Empty lines are no rows, except in a file of one column,
    where they are missing values.
    """

    def __init__(self, reading: Reading, delimiter: str) -> None:
        self._names, self._delimiter, self._quote = reading.columns, reading.delimiter or delimiter, reading.quote

    def columns(self, file: File) -> list[str]:
        """Those given, else the header's. Raises DataError where there is none."""
        if self._names is not None:
            return list(self._names)
        try:
            return next(record for _, record in self._records(file) if record)
        except StopIteration:
            raise DataError(f"{file.name}: is empty, not even a header is there") from None
        except (OSError, csv.Error) as error:
            raise DataError(f"{file.name}: cannot read it as CSV: {error}") from None

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """A batch for each block of the file."""
        present = self.columns(file)
        check_columns(file.name, columns, present)
        one_column = len(present) == 1
        lead = self._lines_before_header(file) if one_column and self._names is None else 0
        lines = _CsvLines(self, file, one_column, (1 if self._names is not None else 2) + lead)

        def on_invalid(row: pacsv.InvalidRow) -> str:
            lines.without_row.append(row.number)
            rejects.num_read += 1
            why = f"has {row.actual_columns} columns instead of {row.expected_columns}"
            rejects.add(file.name, row.number, lambda: f"{lines.where(row.number)}: {why}")
            return "skip"

        try:
            with file.stream() as stream:
                watched = _Watched(stream, self._delimiter)
                reader = pacsv.open_csv(
                    watched if self._quote else stream,
                    read_options=pacsv.ReadOptions(
                        use_threads=False, block_size=_BLOCK, column_names=self._names, skip_rows=lead
                    ),
                    parse_options=pacsv.ParseOptions(
                        delimiter=self._delimiter,
                        quote_char='"' if self._quote else False,
                        newlines_in_values=self._quote,
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
                    yield SourceBatch(batch, file.name, first_row, lines)
                    first_row += batch.num_rows
            if not watched.quotes.is_closed:
                self._check_quotes(file)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file.name}: cannot read it as CSV: {error}") from None

    def _check_quotes(self, file: File) -> None:
        """Raises DataError where a quote is opened and not closed before a separator.

        Arrow would take the rows up to the next quote, or to the end of the file, for one value, in silence.
        """
        last = 1
        try:
            for line, _ in self._records(file, strict=True):
                last = line + 1
        except csv.Error as error:
            raise DataError(
                f"{file.name}:{last}: at or after this line a quote is not closed as it should be: {error}; where "
                "quotes are characters like others, say quote = false"
            ) from None

    def _lines_before_header(self, file: File) -> int:
        """How many empty lines there are before the first other one."""
        return next(line for line, record in self._records(file) if record) - 1

    def _records(self, file: File, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
        """The first line of each record, from 1, and its values; an empty line is a record of none."""
        csv.field_size_limit(1 << 30)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self._quote else csv.QUOTE_NONE
        with (
            file.stream() as stream,
            TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text,
        ):
            reader = csv.reader(text, delimiter=self._delimiter, strict=strict, quoting=quoting)
            first = 1
            for record in reader:
                yield first, record
                first = reader.line_num + 1


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


@dataclass
class _CsvLines:
    """Numbers records as Arrow does: from 1, the header among them, empty lines only where they are rows."""

    format: CsvFormat
    file: File
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
        records = (line for line, record in self.format._records(self.file) if record or self.count_empty)
        line = next((line for seen, line in enumerate(records, 1) if seen == number), "?")
        return f"{self.file.name}:{line}"
