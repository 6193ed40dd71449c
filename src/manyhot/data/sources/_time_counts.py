"""How many rows have each time, and where the last shares of them start."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from manyhot.errors import DataError
from manyhot.schema import Split

__all__ = ["TimeCounts"]

Float64s = npt.NDArray[np.float64]

_PENDING = 1 << 20


class TimeCounts:
    """Distinct times and their counts: 16 bytes for each distinct time, however many rows there are."""

    def __init__(self) -> None:
        self._values, self._counts = np.zeros(0), np.zeros(0, np.int64)
        self._pending: list[Float64s] = []
        self._num_pending = 0

    def add(self, times: Float64s) -> None:
        """Those of a batch, in any order."""
        self._pending.append(times)
        self._num_pending += len(times)
        if self._num_pending >= max(_PENDING, len(self._values)):  # so that merging costs as much as sorting once
            self._merge()

    def starts(self, split: Split, name: str) -> tuple[float, float]:
        """Where valid and test start; infinity for a part that is not made. Both are times of rows.

        test takes the fewest last times that hold its share of all rows, valid the fewest before them. Raises DataError
        where that leaves nothing for train.
        """
        self._merge()
        total = int(self._counts.sum())
        later = np.append(np.cumsum(self._counts[::-1])[::-1], 0)  # rows at or after each time
        end, found = len(self._values), {"test": math.inf, "valid": math.inf}
        for part in ("test", "valid"):
            wanted = math.ceil(split.share(part) * total)
            if wanted == 0:
                continue
            enough = np.flatnonzero(later[:end] - later[end] >= wanted)
            if not len(enough) or enough[-1] == 0:
                raise DataError(
                    f"{name}: there are only {len(self._values):,} distinct times among {total:,} rows, too few for a "
                    f"split by time: nothing is left for train; lower the shares or split by fraction"
                )
            end = int(enough[-1])
            found[part] = float(self._values[end])
        return found["valid"], found["test"]

    def _merge(self) -> None:
        values, counts = np.unique(np.concatenate([np.zeros(0), *self._pending]), return_counts=True)
        both = np.concatenate([self._values, values])
        self._values, places = np.unique(both, return_inverse=True)
        times = np.zeros(len(self._values), np.int64)
        np.add.at(times, places, np.concatenate([self._counts, counts]))
        self._counts, self._pending, self._num_pending = times, [], 0
