"""Opening what a user named, and nothing else: a regular file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["open_regular"]

_KINDS = (
    (stat.S_ISLNK, errno.ELOOP, "is a symbolic link; name the file that it leads to"),
    (stat.S_ISDIR, errno.EISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, errno.EINVAL, "is a pipe, not a file"),
    (stat.S_ISSOCK, errno.EINVAL, "is a socket, not a file"),
    (stat.S_ISCHR, errno.EINVAL, "is a device, not a file"),
    (stat.S_ISBLK, errno.EINVAL, "is a device, not a file"),
)


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file for reading, without waiting for anything.

    A link at the end of the path is refused: whoever may write in the folder could make it lead to any file of the
    user. (Folders on the way may be links.) Raises OSError, whose strerror is the end of a sentence that begins with
    the path.
    """
    _check(path, os.lstat(path))  # a device is not even opened: that alone may do something
    # Between that look and this call the file may have become another; what was opened is looked at again. Without
    # O_NONBLOCK a pipe would wait for somebody to write.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, _KINDS[0][2], str(path)) from None
        raise
    try:
        _check(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    for is_kind, number, words in _KINDS:
        if is_kind(found.st_mode):
            raise OSError(number, words, str(path))
    raise OSError(errno.EINVAL, "is no regular file", str(path))
