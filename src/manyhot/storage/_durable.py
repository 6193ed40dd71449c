"""What is on the disk, and not only in the memory of the machine.

A file is there after a crash when its contents were synced and so was the folder that has its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["folder_to_sync", "sync_and_release", "sync_file", "sync_folder"]

# A few file systems of networks cannot sync a folder; they do it by themselves.
_CANNOT = (errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF)


@contextlib.contextmanager
def folder_to_sync(folder: Path) -> Iterator[int | None]:
    """A descriptor for `sync_folder`, opened before anything changes: later there might be no more descriptors.

    None where one may write in the folder but not read it: it cannot be synced. Raises OSError.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(descriptor: int | None) -> None:
    """The names in the folder: made, renamed, deleted. Raises OSError."""
    try:
        if descriptor is not None:
            os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def sync_file(path: Path) -> None:
    """The contents of a regular file. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_and_release(descriptor: int) -> None:
    """What was written to a large file until now; the system need not keep it in memory any more.

    Else gigabytes that nobody will read push out of memory what is read, and the pages for them may have to be found
    first: that took more of a core than all the rest of writing. Raises OSError.
    """
    os.fsync(descriptor)
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # no more than advice
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
