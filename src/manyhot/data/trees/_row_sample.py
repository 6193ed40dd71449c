"""RowSample: rows drawn by a hash of their contents, the same ones in any order and any cuts of the data."""

from __future__ import annotations

import threading
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .._mixed import mixed

__all__ = ["RowSample"]

UInt64s: TypeAlias = npt.NDArray[np.uint64]
Int64s: TypeAlias = npt.NDArray[np.int64]
_SLACK = 1 << 16


class RowSample:
    """The `limit` distinct rows of the lowest hashes, and how often each was seen; several threads may add to one.

    A row is uint64 [width]. Two rows with the same 128 bits of hash are taken for one. What is in the sample at the end
    was in it all along, so that its counts are exact; memory is that of about twice the limit.
    """

    def __init__(self, width: int, limit: int, seed: int) -> None:
        self._limit, self._seed = limit, seed
        self._keys = np.zeros((0, 2), np.uint64)
        self._rows = np.zeros((0, width), np.uint64)
        self._times = np.zeros(0, np.int64)
        self._pending: list[tuple[UInt64s, UInt64s]] = []
        self._num_pending = 0
        self._highest = np.uint64(2**64 - 1)
        self._lock = threading.Lock()

    def add(self, rows: UInt64s) -> None:
        """Takes in uint64 [rows, width]."""
        keys = _hashes(rows, self._seed)
        low = keys[:, 0] <= self._highest
        if not low.all():
            keys, rows = keys[low], rows[low]
        with self._lock:
            self._pending.append((keys, rows))
            self._num_pending += len(rows)
            if self._num_pending > max(_SLACK, self._limit // 2):
                self._settle()

    def drawn(self) -> tuple[UInt64s, Int64s]:
        """The rows uint64 [n, width], by rising hash, and int64 [n] how often each was seen."""
        with self._lock:
            self._settle()
        return self._rows, self._times

    def _settle(self) -> None:
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._pending)])
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        keys = keys[order]
        firsts = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1))[: len(keys)])
        times = np.append(self._times, np.ones(self._num_pending, np.int64))[order]
        sums = np.add.reduceat(times, firsts) if len(firsts) else times
        firsts = firsts[: self._limit]
        rows = np.concatenate([self._rows, *(rows for _, rows in self._pending)])
        self._keys, self._rows, self._times = keys[firsts], rows[order[firsts]], sums[: self._limit]
        self._pending, self._num_pending = [], 0
        if len(firsts) == self._limit:
            self._highest = self._keys[-1, 0]


def _hashes(rows: UInt64s, seed: int) -> UInt64s:
    """uint64 [rows, 2]."""
    keys = np.empty((len(rows), 2), np.uint64)
    for half in range(2):
        value = np.full(len(rows), 2 * seed + half, np.uint64)
        for column in rows.T:
            value = mixed(value ^ column)
        keys[:, half] = value
    return keys
