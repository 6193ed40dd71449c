"""A file mapped into memory, its pages made ready at once where they fit."""

from __future__ import annotations

import contextlib
import mmap
from typing import IO

import pyarrow as pa

from ._memory import available_bytes

__all__ = ["Mapping"]

_POPULATE_READ = 22  # MADV_POPULATE_READ of Linux 5.14, which Python's mmap does not name


class Mapping:
    """buffer: the bytes of an open file, which may be closed then. Raises OSError, and ValueError where it is empty.

    Rows are gathered in random order, and each first touch of a page is a trap into the system: met one by one they
    cost twice what gathering does (docs/performance.md). Where the file takes no more than half of the free memory all
    its pages are asked for in one call.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
        self.buffer = pa.py_buffer(self._map)
        available = available_bytes()
        if available is not None and len(self._map) <= available // 2:
            with contextlib.suppress(OSError):  # an older kernel
                self._map.madvise(_POPULATE_READ)

    def release(self) -> None:
        """Gives the pages back: they no longer count as memory of the process, and come again when they are read."""
        self._map.madvise(mmap.MADV_DONTNEED)
