"""CSV and TSV files as batches of binary columns, with line numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manyhot.errors import DataError
from manyhot.kernels import CsvParser, CsvRecords
from manyhot.schema import Reading

from .._batches import Rejects, SourceBatch
from .._reject_file import Reject
from ._csv_blocks import UnendedRecord, csv_blocks
from ._file import File
from ._source import check_columns

__all__ = ["CsvFormat"]

_LONGEST_HEADER = 16 << 20  # letters; a packed file may hold thousands of times its own size
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class CsvFormat:
    """Files of separated values, all binary, "" being null.

    Lines with a wrong number of columns go to the rejects. Empty lines are no rows, except in a file of one column,
    where they are missing values.
    """

    def __init__(self, reading: Reading, delimiter: str) -> None:
        self._names, self._delimiter, self._quote = reading.columns, reading.delimiter or delimiter, reading.quote

    def columns(self, file: File) -> list[str]:
        """Those given, else the header's. Raises DataError where there is none."""
        try:
            with file.stream() as stream:
                start = stream.read(2)
            if not start:
                raise DataError(f"{file.name}: is empty" + ("" if self._names else ", not even a header is there"))
            if start in _UTF_16:
                raise DataError(f"{file.name}: is UTF-16 text; convert it to UTF-8")
            return list(self._names or self._header(file))
        except StopIteration:
            raise DataError(f"{file.name}: holds nothing but empty lines, not even a header is there") from None
        except (OSError, csv.Error) as error:
            raise DataError(f"{file.name}: cannot read it as CSV: {error}; from line 1 on") from None

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """A batch for each block of the file."""
        present = self.columns(file)
        check_columns(file.name, columns, present)
        parser = CsvParser(
            self._delimiter,
            quote=self._quote,
            empty_rows=len(present) == 1,
            num_columns=len(present),
            wanted=[present.index(column) for column in columns],
            header=self._names is None,
        )
        line, row = 1, 0
        try:
            with file.stream() as stream:
                for block in csv_blocks(stream, self._delimiter, self._quote):
                    records = parser.parse(block)
                    place = _Block(block, records, line, row)
                    place.reject_bad_records(rejects, file.name, len(present))
                    yield SourceBatch(_to_batch(records, columns), file.name, row, place)
                    line += records.num_lines
                    row += len(records.lines)
        except OSError as error:
            raise DataError(f"{file.name}: cannot read it as CSV: {error}; from line {line:,} on") from None
        except UnendedRecord as error:
            raise DataError(
                f"{file.name}:{line}: the record that starts at this line does not end as it should: {error}; close "
                "the quote, or, where quotes are characters like others, say quote = false"
            ) from None

    def _header(self, file: File) -> list[str]:
        """The values of the first line that is not empty."""
        csv.field_size_limit(1 << 30)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self._quote else csv.QUOTE_NONE
        with (
            file.stream() as stream,
            TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text,
        ):
            records = csv.reader(_first_lines(file, text), delimiter=self._delimiter, quoting=quoting)
            return next(record for record in records if record)


def _first_lines(file: File, text: TextIOWrapper) -> Iterator[str]:
    """Raises DataError where more is read than any header has."""
    left = _LONGEST_HEADER
    while line := text.readline(left + 1):
        left -= len(line)
        if left < 0:
            size = f"{_LONGEST_HEADER >> 20} MiB"
            raise DataError(f"{file.name}: has no header that ends within {size}; is it a CSV file?")
        yield line


@dataclass(frozen=True)
class _Block:
    """Where the rows of a block stand in its file: `first_line` from 1, `first_row` from 0."""

    block: bytes
    records: CsvRecords
    first_line: int
    first_row: int

    def number(self, row: int) -> int:
        """The line of a row of the file."""
        return self.first_line + int(self.records.lines[row - self.first_row])

    def text(self, row: int) -> bytes:
        """The row as it stands in the file."""
        at = row - self.first_row
        return self.block[self.records.starts[at] : self.records.ends[at]]

    def reject_bad_records(self, rejects: Rejects, origin: str, num_columns: int) -> None:
        """Those that have another number of values."""
        bad = self.records
        rejects.num_read += len(bad.bad_lines)
        places = (bad.bad_lines, bad.bad_starts, bad.bad_ends, bad.bad_counts)
        for line, start, end, count in zip(*(array.tolist() for array in places), strict=True):
            why = f"has {count} columns instead of {num_columns}"
            rejects.add(Reject(origin, self.first_line + line, None, why, self.block[start:end]))


def _to_batch(records: CsvRecords, names: list[str]) -> pa.RecordBatch:
    arrays = [_to_array(len(records.lines), *column) for column in records.columns]
    schema = pa.schema([(name, pa.large_binary()) for name in names])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _to_array(
    rows: int,
    valid: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    num_empty: int,
) -> pa.Array:
    buffers = [pa.py_buffer(valid) if num_empty else None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), rows, buffers, null_count=num_empty)
