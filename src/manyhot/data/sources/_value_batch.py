"""ValueBatch: some rows of plain values as Arrow columns, with what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ._values import Faults, column_of

__all__ = ["ValueBatch", "batch_of"]


@dataclass(frozen=True)
class ValueBatch:
    """arrays: of num_rows values each, by column. faults: of a column, why which rows are bad. names: of the columns
    that occur, perhaps of others too."""

    num_rows: int
    arrays: Mapping[str, pa.Array]
    faults: Mapping[str, Faults]
    names: frozenset[str]

    def columns(self, columns: Sequence[str]) -> pa.RecordBatch:
        """These columns, in order; one that does not occur is all null."""
        arrays = [self.arrays[c] if c in self.arrays else pa.nulls(self.num_rows) for c in columns]
        return pa.record_batch(arrays, list(columns))

    def reasons(self, columns: Sequence[str]) -> Faults:
        """The rows that are bad in one of these columns, and why; of several reasons the first."""
        reasons = Faults()
        for column in columns:
            for row, why in self.faults.get(column, {}).items():
                reasons.setdefault(row, f'column "{column}" {why}')
        return reasons


def batch_of(values: Mapping[str, list[Any]], names: Iterable[str]) -> ValueBatch:
    """From columns of equally many plain values, None where there is none; names: see ValueBatch."""
    arrays, faults = {}, {}
    for column, given in values.items():
        arrays[column], bad = column_of(given)
        if bad:
            faults[column] = bad
    return ValueBatch(max(map(len, values.values()), default=0), arrays, faults, frozenset(names))
