"""Filtered: some rows of another source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .._batches import Rejects, SourceBatch
from ._source import Source

__all__ = ["Choice", "Filtered"]

# Of a batch and the number of its first row within the whole source: bool [rows], the rows that are meant, and the
# reasons of rows that cannot be judged.
Choice = Callable[[SourceBatch, int], tuple[npt.NDArray[np.bool_], dict[int, str]]]


class Filtered:
    """A Source of the rows of `source` that `choice` means; their places stay those of the source.

    columns: what the choice reads of a batch. made_by: says in the fingerprint which rows are meant. prepare: is called
    before each pass, so that a choice that must see the whole source first does not read it in the middle of another
    reading (a query has one cursor). reports: whether bad rows met on the way go to the rejects: of several parts of a
    source one must tell of them.
    """

    def __init__(
        self,
        source: Source,
        columns: tuple[str, ...],
        choice: Choice,
        *,
        made_by: str,
        prepare: Callable[[], None] | None = None,
        reports: bool = True,
    ) -> None:
        self.name = source.name
        self._source, self._columns, self._choice = source, columns, choice
        self._made_by, self._prepare, self._reports = made_by, prepare, reports

    def columns(self) -> list[str] | None:
        """Of the source."""
        return self._source.columns()

    def fingerprint(self) -> str | None:
        """Of the source and of what is left of it."""
        whole = self._source.fingerprint()
        return None if whole is None else hashlib.sha256(f"{whole}\n{self._made_by}".encode()).hexdigest()

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """The batches of the source, each with the rows that are meant, where there are any."""
        if self._prepare is not None:
            self._prepare()
        rejects = rejects if self._reports else Rejects()
        wanted = tuple(dict.fromkeys((*columns, *self._columns)))
        first = 0
        for batch in self._source.batches(wanted, rejects):
            meant, reasons = self._choice(batch, first)
            first += batch.batch.num_rows
            for row, reason in sorted(reasons.items()):
                meant[row] = False
                rejects.num_read += 1
                rejects.add(batch.reject(row, reason))
            if meant.any():
                kept = batch.only(meant)
                yield replace(kept, batch=kept.batch.select(list(columns)))
