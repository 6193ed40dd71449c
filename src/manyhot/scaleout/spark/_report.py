"""Report: what a task tells the driver of its partition; and what the driver makes of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
import pyarrow as pa

from manyhot.data import Rejects, SourceBatch
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
            self.first.append((batch.number(row), f"{batch.where(row)}: {reasons[row]}"))

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


def check_reports(name: str, reports: Iterable[Report]) -> None:
    """Raises DataError where a partition could not be read, BadRowsError where rows are bad."""
    rejects = Rejects()
    for report in reports:
        if report.error is not None:
            raise DataError(report.error)
        rejects.num_read += report.num_read
        for row, sentence in report.first:
            rejects.add(f"{name} {report.partition}", row, lambda sentence=sentence: sentence)  # type: ignore[misc]
        rejects.num_rejected += report.num_rejected - len(report.first)
    rejects.check()
