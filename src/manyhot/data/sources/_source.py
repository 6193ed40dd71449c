"""Source: rows as Arrow record batches, readable any number of times; and what every source checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import pyarrow as pa

from manyhot.errors import DataError, nearest_name

from .._batches import Rejects, SourceBatch

__all__ = ["BATCH_ROWS", "Source", "check_columns", "numbered"]

BATCH_ROWS = 65_536


@runtime_checkable
class Source(Protocol):
    """Where rows come from. `name` is for people."""

    name: str

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Batches of exactly these columns. Raises DataError where one is missing or the data cannot be read.

        Rows that cannot be taken apart go to `rejects`.
        """

    def columns(self) -> list[str] | None:
        """The names of all columns; None where only reading every row would tell (JSON Lines and the like)."""

    def fingerprint(self) -> str | None:
        """Changes whenever the rows may have changed; None where there is nothing to go by."""


def numbered(batches: Iterable[pa.RecordBatch], origin: str) -> Iterator[SourceBatch]:
    """Batches of one origin, each with the number of its first row."""
    first_row = 0
    for batch in batches:
        yield SourceBatch(batch, origin, first_row)
        first_row += batch.num_rows


def check_columns(origin: str, needed: Sequence[str], present: Sequence[str]) -> None:
    """Raises DataError where a needed column is not there exactly once."""
    for column in needed:
        if column not in present:
            raise DataError(f'{origin}: column "{column}" is missing{nearest_name(column, present)}')
        if list(present).count(column) > 1:
            raise DataError(f'{origin}: column "{column}" occurs twice; rename one of them')
