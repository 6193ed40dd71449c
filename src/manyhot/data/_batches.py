"""SourceBatch: rows of one origin as Arrow columns, each with a place for error sentences; and their Rejects."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from manyhot.errors import BadRowsError

__all__ = ["Lines", "Rejects", "SourceBatch"]

_SHOWN = 10


class Lines(Protocol):
    """Where the rows of a text file stand in it."""

    def number(self, row: int) -> int:
        """Orders the rows (from 0) of the file and the lines that make no row."""

    def where(self, number: int) -> str:
        """ "clicks.csv:17" for such a number."""


@dataclass(frozen=True)
class SourceBatch:
    """A record batch with only the columns that were asked for, and where its rows come from.

    origin: a file, or words for data given in memory. first_row: of the batch within its origin, from 0.
    lines: for text files, what tells the line of a row.
    names: of a source that cannot know its columns without reading every row, those that occur in this batch, wanted or
        not (of the unwanted ones perhaps not all). None: the source has checked that every wanted column is there.
    """

    batch: pa.RecordBatch
    origin: str
    first_row: int = 0
    lines: Lines | None = None
    names: frozenset[str] | None = None

    def number(self, row: int) -> int:
        """Orders the rows of an origin, bad lines of a text file among them."""
        return self.lines.number(self.first_row + row) if self.lines else self.first_row + row

    def where(self, row: int) -> str:
        """ "clicks.csv:17" or "clicks.parquet, row 17" (rows count from 1)."""
        if self.lines:
            return self.lines.where(self.number(row))
        return f"{self.origin}, row {self.first_row + row + 1}"


@dataclass
class Rejects:
    """Bad rows met in one pass over a source: how many, and the first ten in order."""

    num_read: int = 0
    num_rejected: int = 0
    _first: list[tuple[int, int, str]] = field(default_factory=list)  # origin, number, sentence
    _origins: dict[str, int] = field(default_factory=dict)

    def announced(self, batches: Iterable[SourceBatch]) -> Iterator[SourceBatch]:
        """The batches, each origin taking its place in the order before its rows or the next origin's are judged."""
        for batch in batches:
            self._origins.setdefault(batch.origin, len(self._origins))
            yield batch

    def add_batch(self, batch: SourceBatch, reasons: Mapping[int, str]) -> None:
        """Counts the rows of a batch; reasons maps bad rows of it to "column x: why"."""
        self.num_read += batch.batch.num_rows
        for row in sorted(reasons):
            self.add(batch.origin, batch.number(row), lambda row=row: f"{batch.where(row)}: {reasons[row]}")  # type: ignore[misc]

    def add(self, origin: str, number: int, sentence: Callable[[], str]) -> None:
        """One bad row; the sentence is made only where it may be shown. Rows may come out of order within an origin."""
        self.num_rejected += 1
        place = self._origins.setdefault(origin, len(self._origins)), number
        if len(self._first) < _SHOWN or place < self._first[-1][:2]:
            bisect.insort(self._first, (*place, sentence()))
            del self._first[_SHOWN:]

    def check(self) -> None:
        """Raises BadRowsError where a row was rejected."""
        if self.num_rejected:
            more = self.num_rejected - len(self._first)
            tail = [f"... and {more} more"] if more else []
            lines = "\n  ".join([*(sentence for _, _, sentence in self._first), *tail])
            accepted = self.num_read - self.num_rejected
            raise BadRowsError(
                f"{self.num_rejected} of {self.num_read} rows are bad ({accepted} are good); "
                f"correct or remove them, nothing was done with any:\n  {lines}"
            )
