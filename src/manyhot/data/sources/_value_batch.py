"""ValueBatch: some rows of plain values as Arrow columns, with what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from ._values import Faults, column_of

__all__ = ["ABSENT", "ValueBatch", "batch_of"]

ABSENT = msgspec.UNSET  # in the place of a value that a row does not have


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


def batch_of(values: Mapping[str, list[Any]], other_names: frozenset[str] = frozenset()) -> ValueBatch:
    """From columns of equally many plain values; a missing one is None or ABSENT.

    other_names: of columns that occur in the rows, beside these.
    """
    arrays, faults, names = {}, {}, set(other_names)
    for column, given in values.items():
        if any(value is not ABSENT for value in given):
            names.add(column)
        arrays[column], bad = column_of([None if value is ABSENT else value for value in given])
        if bad:
            faults[column] = bad
    num_rows = max(map(len, values.values()), default=0)
    return ValueBatch(num_rows, arrays, faults, frozenset(names))
