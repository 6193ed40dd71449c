"""SourceBatch: rows of one origin as Arrow columns, each with a place for error sentences; and their Rejects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from manyhot.errors import BadRowsError

__all__ = ["Rejects", "SourceBatch"]

_SHOWN = 10


@dataclass(frozen=True)
class SourceBatch:
    """A record batch with only the columns that were asked for, and where its rows come from.

    origin: a file, or words for data given in memory. first_row: of the batch within its origin, from 0.
    place: what an error sentence calls a row, where "origin, row 17" will not do.
    """

    batch: pa.RecordBatch
    origin: str
    first_row: int = 0
    place: Callable[[int], str] | None = None

    def where(self, row: int) -> str:
        """ "clicks.csv:17" or "clicks.parquet, row 17" (rows count from 1)."""
        return self.place(row) if self.place else f"{self.origin}, row {self.first_row + row + 1}"


@dataclass
class Rejects:
    """Bad rows met in one pass over a source: how many, and the first ten in order."""

    num_read: int = 0
    num_rejected: int = 0
    first: list[str] = field(default_factory=list)

    def add_batch(self, batch: SourceBatch, reasons: Mapping[int, str]) -> None:
        """Counts the rows of a batch; reasons maps bad rows of it to "column x: why"."""
        self.num_read += batch.batch.num_rows
        for row in sorted(reasons):
            self.add(lambda row=row: f"{batch.where(row)}: {reasons[row]}")  # type: ignore[misc]

    def add(self, sentence: Callable[[], str]) -> None:
        """One bad row; the sentence is made only where it will be shown."""
        self.num_rejected += 1
        if len(self.first) < _SHOWN:
            self.first.append(sentence())

    def check(self) -> None:
        """Raises BadRowsError where a row was rejected."""
        if self.num_rejected:
            more = self.num_rejected - len(self.first)
            tail = [f"... and {more} more"] if more else []
            lines = "\n  ".join([*self.first, *tail])
            accepted = self.num_read - self.num_rejected
            raise BadRowsError(
                f"{self.num_rejected} of {self.num_read} rows are bad ({accepted} are good); "
                f"correct or remove them, nothing was done with any:\n  {lines}"
            )
