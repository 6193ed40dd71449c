"""without: a batch less the rows that its source found bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._batches import Rejects, SourceBatch

__all__ = ["without"]


def without(batch: SourceBatch, reasons: Mapping[int, str], rejects: Rejects) -> SourceBatch:
    """The batch without the rows that reasons names, which go to the rejects; the others keep their places."""
    if not reasons:
        return batch
    for row in sorted(reasons):
        rejects.num_read += 1
        rejects.add(batch.origin, batch.number(row), lambda row=row: f"{batch.where(row)}: {reasons[row]}")  # type: ignore[misc]
    good = np.ones(batch.batch.num_rows, bool)
    good[list(reasons)] = False
    kept = _Kept(batch, np.flatnonzero(good))
    return replace(batch, batch=batch.batch.filter(pa.array(good)), first_row=0, lines=kept)


@dataclass(frozen=True)
class _Kept:
    """Places of the rows that are left. rows: int64, which of the whole batch they were."""

    whole: SourceBatch
    rows: npt.NDArray[np.int64]

    def number(self, row: int) -> int:
        return self.whole.number(int(self.rows[row]))

    def where(self, number: int) -> str:
        lines = self.whole.lines
        return lines.where(number) if lines else f"{self.whole.origin}, row {number + 1}"
