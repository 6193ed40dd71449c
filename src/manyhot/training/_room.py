"""Room: memory for a copy of the arrays of a training."""

from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt
import torch

from ._state import Arrays

__all__ = ["Room"]

_LARGE = 1 << 20  # bytes; larger arrays lie in what was made ready, and are copied by all threads
_PAGE, _CACHE_LINE = 4096, 64


class Room:
    """Where the system has to find pages first, a copy takes ten times as long as where it has them. So they are asked
    for beforehand, by the thread that has time, and kept: to find them anew for each copy costs more than to write it.
    """

    def __init__(self) -> None:
        self._memory: npt.NDArray[np.uint8] = np.empty(0, np.uint8)

    @property
    def num_bytes(self) -> int:
        """That are ready."""
        return len(self._memory)

    def make_ready(self, num_bytes: int) -> None:
        """Takes so much memory from the system, page by page, where it is not there yet."""
        if num_bytes <= len(self._memory):
            return
        self._memory = np.empty(0, np.uint8)
        with contextlib.suppress(MemoryError):  # a limit of the process; who copies will see
            memory = np.empty(num_bytes, np.uint8)
            memory[::_PAGE] = 0
            self._memory = memory

    def copied(self, arrays: Arrays) -> Arrays:
        """Copies of the arrays, in the memory that was made ready, until the next call; of one that is read-only, and
        so never changes, the array itself. Raises MemoryError."""
        memory = self._memory
        copies: Arrays = {}
        for name, array in arrays.items():
            if not array.flags.writeable:
                copies[name] = array
            elif array.nbytes < _LARGE:
                copies[name] = array.copy()
            else:
                if array.nbytes <= len(memory):
                    new = memory[: array.nbytes].view(array.dtype).reshape(array.shape)
                    memory = memory[-(-array.nbytes // _CACHE_LINE) * _CACHE_LINE :]
                else:
                    new = np.empty(array.shape, array.dtype)
                torch.from_numpy(new).copy_(torch.from_numpy(array))
                copies[name] = new
        return copies
