"""What is on the disk, and not only in the memory of the machine.

A file is there after a crash when its contents were synced and so was the folder that has its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["folder_to_sync", "sync_file", "sync_folder"]

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
