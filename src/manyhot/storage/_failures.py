"""The sentence for a file that cannot be written: where, what, how much room there is, and what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from manyhot.errors import StorageError

__all__ = ["telling_why", "why_not_written"]

_WHAT_TO_DO = {
    errno.ENOSPC: "make room, or write to another disk",
    errno.EDQUOT: "make room within your quota, or write to another disk",
    errno.EFBIG: "raise the limit (ulimit -f), or write to another disk",
    errno.EROFS: "write to a disk that is not read-only",
    errno.EACCES: "get the right to write there, or write elsewhere",
    errno.EPERM: "get the right to write there, or write elsewhere",
    errno.EIO: "the disk or its connection fails: look at the system log, and write to another disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close programs: the whole machine has too many open files",
}


def why_not_written(path: Path, what: str, error: OSError, num_bytes: int) -> str:
    """`what` ("the checkpoint") of so many bytes could not be written to the path; say so after cleaning up.

    The free bytes are those that the user may fill, as counted when this is called.
    """
    room = f"it needs {num_bytes:,} bytes"
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            room += f", {shutil.disk_usage(folder).free:,} are free"
            break
    reason = os.strerror(error.errno) if error.errno else str(error)
    todo = _WHAT_TO_DO.get(error.errno or 0, "write elsewhere")
    return f"{path}: cannot write {what}: {reason} ({room}); {todo}"


@contextlib.contextmanager
def telling_why(path: Path, what: str, num_bytes: int) -> Iterator[None]:
    """An OSError inside becomes a StorageError with that sentence."""
    try:
        yield
    except OSError as error:
        raise StorageError(why_not_written(path, what, error, num_bytes)) from None
