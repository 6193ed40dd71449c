"""SourceBatch: rows of one origin as Arrow columns, each with a place for error sentences; and their Rejects."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
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
    lines: for text files, what tells the line of a row. rows: int64, the number within the origin of each row, where
    rows between them were left out; None: they follow each other from first_row.
    """

    batch: pa.RecordBatch
    origin: str
    first_row: int = 0
    lines: Lines | None = None
    rows: npt.NDArray[np.int64] | None = None

    def number(self, row: int) -> int:
        """Orders the rows of an origin, bad lines of a text file among them."""
        in_origin = self.first_row + row if self.rows is None else int(self.rows[row])
        return self.lines.number(in_origin) if self.lines else in_origin

    def where(self, row: int) -> str:
        """ "clicks.csv:17" or "clicks.parquet, row 17" (rows count from 1)."""
        if self.lines:
            return self.lines.where(self.number(row))
        return f"{self.origin}, row {self.number(row) + 1}"

    def only(self, kept: npt.NDArray[np.bool_]) -> SourceBatch:
        """Those of the rows, kept: bool [rows]; each still knows its place."""
        if kept.all():
            return self
        rows = np.arange(self.first_row, self.first_row + len(kept)) if self.rows is None else self.rows
        columns = [column.cast(_without_views(column.type)) for column in self.batch.columns]
        batch = pa.record_batch(columns, names=self.batch.schema.names).filter(pa.array(kept))
        return replace(self, batch=batch, rows=rows[kept])


def _without_views(kind: pa.DataType) -> pa.DataType:
    """The type with plain text for views, which Arrow cannot filter; polars makes them."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_without_views(kind.value_type)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([member.with_type(_without_views(member.type)) for member in kind])
    return kind


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
                f"correct or remove them, nothing was done with any:\n  {lines}",
                num_read=self.num_read,
                num_rejected=self.num_rejected,
                first=tuple(sentence for _, _, sentence in self._first),
            )
