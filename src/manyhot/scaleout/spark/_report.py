"""Report: what a task tells the driver of its partition; and what the driver makes of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
import pyarrow as pa

from manyhot.data import SourceBatch, bad_rows_error
from manyhot.errors import DataError

__all__ = ["Report", "check_reports", "first_sentences"]

_SHOWN = 10


class Report(msgspec.Struct):
    """Of one partition: rows read and rejected, and the first ten bad ones (row, sentence).

    error: why the partition could not be read to its end. file, num_rows, num_pairs: of the Examples written, if any.
    """

    partition: int
    num_read: int = 0
    num_rejected: int = 0
    first: list[tuple[int, str]] = []
    error: str | None = None
    file: str | None = None
    num_rows: int = 0
    num_pairs: int = 0

    def add_batch(self, batch: SourceBatch, reasons: Mapping[int, str]) -> None:
        """Counts the rows of a batch; reasons maps bad rows of it to "column x: why"."""
        self.num_read += batch.batch.num_rows
        self.num_rejected += len(reasons)
        for row in sorted(reasons)[: _SHOWN - len(self.first)]:
            self.first.append((batch.row(row), batch.reject(row, reasons[row]).sentence))

    @classmethod
    def of(cls, keys: pa.ChunkedArray | pa.Array) -> list[Report]:
        """Out of an Arrow column of `msgspec.json.encode`d ones, by partition."""
        reports = [msgspec.json.decode(key, type=cls) for key in keys.to_pylist()]
        return sorted(reports, key=lambda report: report.partition)


def first_sentences(reports: Iterable[Report]) -> Iterator[tuple[Report, list[tuple[int, str]]]]:
    """The first ten bad rows (row, sentence) of all partitions, with their partition's report."""
    left = _SHOWN
    for report in reports:
        if report.first[:left]:
            yield report, report.first[:left]
        left -= len(report.first[:left])


def check_reports(reports: Iterable[Report]) -> None:
    """Raises DataError where a partition could not be read, BadRowsError where rows are bad."""
    reports = list(reports)
    for report in reports:
        if report.error is not None:
            raise DataError(report.error)
    num_rejected = sum(report.num_rejected for report in reports)
    if num_rejected:
        first = [sentence for report in reports for _, sentence in report.first]
        raise bad_rows_error(sum(report.num_read for report in reports), num_rejected, first)
