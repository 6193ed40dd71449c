"""without: a batch less the rows that its source found bad."""

from __future__ import annotations

from collections.abc import Mapping

from .._batches import Rejects, SourceBatch

__all__ = ["without"]


def without(batch: SourceBatch, reasons: Mapping[int, str], rejects: Rejects) -> SourceBatch:
    """The batch without the rows that reasons names, which go to the rejects; the others keep their places."""
    if not reasons:
        return batch
    rejects.num_read += len(reasons)
    for row in sorted(reasons):
        rejects.add(batch.reject(row, reasons[row]))
    return batch.without(reasons)
