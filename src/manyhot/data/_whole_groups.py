"""Batches that hold whole groups, for losses that compare the rows of one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ._row_columns import UInt64s

__all__ = ["WholeGroups"]

Rows = npt.NDArray[np.int64]


class WholeGroups:
    """Rows by group; groups uint64 [num_rows], 0 for rows of no group, each of which goes alone.

    Takes 16 bytes a row for as long as it lives, and 24 more while an epoch is ordered.
    """

    def __init__(self, groups: UInt64s) -> None:
        names, codes = np.unique(groups, return_inverse=True)
        alone = np.flatnonzero(groups == 0)
        codes[alone] = np.arange(len(names), len(names) + len(alone))
        self.groups = groups
        self._codes, self._num_codes = codes, len(names) + len(alone)

    def batches(self, rng: np.random.Generator, kept: npt.NDArray[np.bool_] | None, batch_size: int) -> Iterator[Rows]:
        """Row numbers of each batch: groups in random order, the rows of a group side by side in random order.

        A batch ends before the group that would make it larger than batch_size; a group that is larger by itself is cut
        into the fewest parts, nearly equal. No batch is a single row beside others: the row joins its neighbours, since
        batch norm has no variance of one. kept: rows that take part, bool [num_rows]; None: all.
        """
        rows = rng.permutation(len(self._codes))
        if kept is not None:
            rows = rows[kept[rows]]
        places = rng.permutation(self._num_codes)[self._codes[rows]]
        order = np.argsort(places, kind="stable")
        rows, places = rows[order], places[order]
        for first, last in itertools.pairwise(_cuts(_ends(places, batch_size), batch_size)):
            yield rows[first:last]


def _ends(places: Rows, batch_size: int) -> Rows:
    """Where a batch may end: behind each run of equal places, and behind the parts of runs larger than a batch."""
    ends = np.append(np.flatnonzero(np.diff(places)) + 1, len(places)) if len(places) else np.zeros(0, np.int64)
    sizes = np.diff(ends, prepend=0)
    parts = -(-sizes // batch_size)
    numbers = np.arange(1, parts.sum() + 1) - np.repeat(np.cumsum(parts) - parts, parts)  # 1.. within its run
    sizes, starts, parts = (np.repeat(a, parts) for a in (sizes, ends - sizes, parts))
    inside: Rows = starts + sizes * numbers // parts
    return inside


def _cuts(ends: Rows, batch_size: int) -> list[int]:
    """Where batches begin and end, from 0 on."""
    cuts = [0]
    while len(ends) and cuts[-1] < ends[-1]:
        cuts.append(int(ends[np.searchsorted(ends, cuts[-1] + batch_size, "right") - 1]))
    if batch_size == 1 or len(cuts) <= 2:
        return cuts
    if cuts[1] == 1:
        del cuts[1]
    single = {a for a, b in itertools.pairwise(cuts) if b - a == 1 and a}
    return [cut for cut in cuts if cut not in single]
