"""SourceBatch: rows of one origin as Arrow columns that know their place; and their Rejects."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manyhot.errors import BadRowsError, DataError, on_one_line
from manyhot.schema import BadRows

from ._reject_file import Reject, RejectSpool, place, read_rejects

__all__ = ["Lines", "Rejects", "SourceBatch"]

_SHOWN = 10


class Lines(Protocol):
    """Where the rows of a text file stand in it."""

    def number(self, row: int) -> int:
        """The line, from 1, of a row of the file, from 0."""

    def text(self, row: int) -> bytes | None:
        """That row as it stands in the file; None where it is not at hand."""


@dataclass(frozen=True)
class SourceBatch:
    """A record batch with only the columns that were asked for, and where its rows come from.

    origin: a file, or words for data given in memory. first_row: of the batch within its origin, from 0.
    lines: for text files, what tells the line of a row. rows: int64, the numbers within the origin of the rows that
    were kept; None: all from first_row on. names: of a source that cannot know its columns without reading every row,
    those that occur in this batch, wanted or not (of the unwanted ones perhaps not all); None: the source has checked
    that every wanted column is there.
    """

    batch: pa.RecordBatch
    origin: str
    first_row: int = 0
    lines: Lines | None = None
    rows: npt.NDArray[np.int64] | None = None
    names: frozenset[str] | None = None

    def row(self, index: int) -> int:
        """The number within its origin, from 0, of a row of the batch."""
        return self.first_row + index if self.rows is None else int(self.rows[index])

    def reject(self, index: int, reason: str) -> Reject:
        """A row of the batch as a bad one."""
        row = self.row(index)
        if self.lines:
            return Reject(self.origin, self.lines.number(row), None, reason, self.lines.text(row))
        return Reject(self.origin, None, row + 1, reason)

    def place(self, index: int) -> str:
        """A row of the batch as "clicks.csv:17", or "clicks.parquet, row 17"."""
        row = self.row(index)
        return place(self.origin, self.lines.number(row) if self.lines else None, row + 1)

    def only(self, kept: npt.NDArray[np.bool_]) -> SourceBatch:
        """The rows where `kept`, bool [rows], is true; they keep their places."""
        if kept.all():
            return self
        rows = np.arange(self.first_row, self.first_row + len(kept)) if self.rows is None else self.rows
        columns = [column.cast(_without_views(column.type)) for column in self.batch.columns]
        batch = pa.record_batch(columns, names=self.batch.schema.names).filter(pa.array(kept))
        return replace(self, batch=batch, rows=rows[kept])

    def without(self, rows: Collection[int]) -> SourceBatch:
        """All rows but these, numbered within the batch."""
        kept = np.ones(self.batch.num_rows, bool)
        kept[list(rows)] = False
        return self.only(kept)


def _without_views(kind: pa.DataType) -> pa.DataType:
    """The type with plain text for views, which Arrow cannot filter; polars makes them."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_map(kind):
        return pa.map_(_without_views(kind.key_type), _without_views(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_without_views(kind.value_type)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([member.with_type(_without_views(member.type)) for member in kind])
    return kind


class Rejects:
    """Bad rows met in one pass over a source: how many, the first ten, and, where limits bear some, all on disk.

    num_read: rows, good and bad. num_rejected: the bad ones of them. Rows are told in the order of the source: a source
    `add`s those that are in no batch, which wait for their turn among the rows of the batches.
    """

    def __init__(self, limits: BadRows | None = None) -> None:
        self.limits = limits or BadRows()
        self.num_read, self.num_rejected = 0, 0
        self._first: list[str] = []
        self._spool: RejectSpool | None = None
        self._added: deque[Reject] = deque()
        self._drawn: deque[int] = deque()  # of each batch on its way: how many added ones stand before its end

    @property
    def counts(self) -> str:
        """ "of 1,003 rows (3 rejected)"."""
        return f"of {self.num_read:,} rows ({self.num_rejected:,} rejected)"

    def announced(self, batches: Iterable[SourceBatch]) -> Iterator[SourceBatch]:
        """The batches; each is to be given to `add_batch`, in this order, when its rows are judged."""
        for batch in batches:
            self._drawn.append(len(self._added) - sum(self._drawn))
            yield batch

    def add(self, reject: Reject) -> None:
        """A row or line that is in no batch, where it stands. To be counted in `num_read`, too."""
        self._added.append(reject)

    def add_batch(self, batch: SourceBatch, reasons: Mapping[int, str]) -> None:
        """Counts the rows of a batch; reasons maps bad rows of it to "column x: why"."""
        self.num_read += batch.batch.num_rows
        bad = [batch.reject(row, reasons[row]) for row in sorted(reasons)]
        before = self._drawn.popleft() if self._drawn else len(self._added)
        if before:
            bad += [self._added.popleft() for _ in range(before)]
            bad.sort(key=lambda reject: reject.line or reject.row or 0)
        self._note(bad)

    def check(self) -> None:
        """At the end of the pass. Raises BadRowsError where more rows were rejected than the limits bear."""
        self._note(self._added)
        self._added.clear()
        if not self.limits.bear(self.num_rejected, self.num_read):
            raise bad_rows_error(self.num_read, self.num_rejected, self._first, self.limits)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All bad rows, with the columns of `write_rejects` without the part; none where no limit bears any."""
        return self._spool.batches() if self._spool else iter(())

    def load(self, path: Path, num_accepted: int) -> bool:
        """Takes the rejects of an earlier pass from a file of `write_rejects`; there were none where there is no file.

        False, and nothing is taken, where they are more than the limits bear. Raises DataError.
        """
        spool, num_rejected = RejectSpool(), 0
        if path.exists():
            try:
                num_rejected = spool.copy(read_rejects(path))
            except (pa.ArrowException, OSError, KeyError) as error:
                raise DataError(
                    f"{path}: cannot read these rejects, delete the folder to encode anew: {error}"
                ) from None
        if not self.limits.bear(num_rejected, num_accepted + num_rejected):
            return False
        self.num_read, self.num_rejected = num_accepted + num_rejected, num_rejected
        self._spool = spool if num_rejected else None
        return True

    def _note(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self.num_rejected += 1
            if len(self._first) < _SHOWN:
                self._first.append(reject.sentence)
            if self.limits.any:
                self._spool = self._spool or RejectSpool()
                self._spool.add(reject)


def bad_rows_error(
    num_read: int, num_rejected: int, first: Sequence[str], limits: BadRows | None = None
) -> BadRowsError:
    """The error for more bad rows than the limits bear. first: a sentence for each of the first of them, in order."""
    limits = limits or BadRows()
    shown = tuple(map(on_one_line, first[:_SHOWN]))
    more = num_rejected - len(shown)
    lines = "\n  ".join([*shown, *([f"... and {more} more"] if more else [])])
    return BadRowsError(
        f"{num_rejected} of {num_read} rows are bad ({num_read - num_rejected} are good){_words(limits)}; correct or "
        f"remove them, nothing was done with any:\n  {lines}",
        num_read=num_read,
        num_rejected=num_rejected,
        first=shown,
    )


def _words(limits: BadRows) -> str:
    said = [f"max_bad_rows = {limits.max_rows}"] if limits.max_rows is not None else []
    said += [f"max_bad_fraction = {limits.max_fraction:g}"] if limits.max_fraction is not None else []
    return f", more than {' and '.join(said)} bears" if limits.any else ""
