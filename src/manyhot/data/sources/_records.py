"""Rows as dicts: lists of them, iterables that start anew each time, and generators, which are kept in a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._source import BATCH_ROWS
from ._spool import Spool
from ._value_batch import ValueBatch, batch_of
from ._values import plain_values
from ._without import without

__all__ = ["Records"]


class Records:
    """A Source over dicts, column -> value. An absent key and None are a missing value. Values: `_values.py`.

    rows: a list, or whatever gives dicts. What starts anew with each `iter` is read again in every pass. What can be
    read only once (a generator) is read to its end when the first pass begins, and kept in a temporary file.
    """

    name = "the rows"

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = rows
        self._spool: Spool | None = None

    def columns(self) -> None:
        """Only reading every row would tell."""

    def fingerprint(self) -> None:
        """An object has nothing to go by."""

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most. Raises DataError where a row is no dict."""
        first_row = 0
        for values in self._values(columns):
            batch = SourceBatch(values.columns(columns), self.name, first_row, names=values.names)
            first_row += values.num_rows
            yield without(batch, values.reasons(columns), rejects)

    def _values(self, columns: Sequence[str]) -> Iterator[ValueBatch]:
        if self._spool is None:
            rows = iter(self._rows)
            if rows is not self._rows:
                return self._read(rows, columns)
            self._spool = Spool(self._read(rows, None))
        return self._spool.batches()

    def _read(self, rows: Iterator[Any], columns: Sequence[str] | None) -> Iterator[ValueBatch]:
        """columns: None is all that occur."""
        number = 0
        while chunk := list(itertools.islice(rows, BATCH_ROWS)):
            for row in chunk:
                number += 1
                if not isinstance(row, Mapping):
                    raise DataError(f"{self.name}, row {number}: is {type(row).__name__}, not a dict of columns")
                if not all(isinstance(key, str) for key in row):
                    raise DataError(f"{self.name}, row {number}: has a key that is no text; keys name columns")
            wanted = columns if columns is not None else dict.fromkeys(itertools.chain.from_iterable(chunk))
            values = {column: plain_values([row.get(column) for row in chunk]) for column in wanted}
            names = {column for column in wanted if any(column in row for row in chunk)}
            # Without any key there is no column, and nothing that would tell how many rows there are.
            yield batch_of(values or {"": [None] * len(chunk)}, names | chunk[0].keys())
