"""A file mapped into memory, and how much of it stays there."""

from __future__ import annotations

import contextlib
import mmap
from typing import IO

import pyarrow as pa

__all__ = ["Mapping"]

_POPULATE_READ = 22  # MADV_POPULATE_READ of Linux 5.14, which Python's mmap does not name


class Mapping:
    """buffer: the bytes of an open file, which may be closed then. Raises OSError, and ValueError where it is empty."""

    def __init__(self, file: IO[bytes]) -> None:
        self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
        self.buffer = pa.py_buffer(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def fill(self) -> None:
        """Asks for all pages in one call. Met one by one, each first touch of a page is a trap into the system."""
        with contextlib.suppress(OSError):  # an older kernel
            self._map.madvise(_POPULATE_READ)

    def release(self) -> None:
        """Gives the pages back: they no longer count as memory of the process, and come again when they are read."""
        self._map.madvise(mmap.MADV_DONTNEED)
