"""DistinctCounts: how often each number occurs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["DistinctCounts"]

Float64s = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class DistinctCounts:
    """Counts of distinct float64 numbers, in any order and any cuts of them."""

    def __init__(self) -> None:
        self._parts: list[tuple[Float64s, Counts]] = []
        self._waiting = 0  # values in parts after the first, which is the largest

    def add(self, values: Float64s, times: Counts) -> None:
        """Finite values [N] and how often each was seen, int64 [N]; a value may stand there twice."""
        self._parts.append((values + 0.0, times))  # -0 becomes 0
        self._waiting += len(values)
        if self._waiting > len(self._parts[0][0]):  # so that the whole costs n log n, however many parts it comes in
            self._join()

    def counted(self) -> tuple[Float64s, Counts]:
        """Distinct values, rising, and how often each was seen."""
        self._join()
        return self._parts[0]

    def _join(self) -> None:
        values = np.concatenate([np.zeros(0), *(values for values, _ in self._parts)])
        times = np.concatenate([np.zeros(0, np.int64), *(times for _, times in self._parts)])
        order = np.argsort(values, kind="stable")
        values, times = values[order], times[order]
        firsts = np.flatnonzero(np.diff(values, prepend=-np.inf))
        sums = np.add.reduceat(times, firsts) if len(firsts) else times
        self._parts, self._waiting = [(values[firsts], sums)], 0
