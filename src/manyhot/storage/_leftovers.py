"""Temporary files and folders: what a living writer is at, and what a killed one left, told apart by the kernel's lock.

A writer holds a lock of what it makes, and the kernel frees it in the moment in which the writer dies. So whatever has
a temporary name and can be locked was left behind, and goes with the next write of the same name. Where a file system
has no locks, neither is held and nothing is swept; where a mount keeps locks to the machine (see RunLock), a name that
two machines write at once may be swept under one of them, which then fails and says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["beside", "is_at", "new_file_beside", "new_folder_beside", "sweep"]

_TEMPORARY = re.compile(r"(.+)\.[0-9a-f]{16}\.tmp")
_DESCRIPTORS: set[int] = set()  # of what is being written
# Of a file a byte far behind its end, by its open descriptor and not by the process: on SMB a lock of the whole file,
# as flock is, would keep everybody from writing to it, ourselves included. A folder knows flock alone.
_FAR_BYTE = struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 2**62, 1, 0)


def beside(path: Path) -> Path:
    """A new temporary name in the same folder."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")


@contextlib.contextmanager
def new_file_beside(path: Path) -> Iterator[Path]:
    """An empty file under a temporary name, to be written to and not to be replaced; what has the name at the end is
    deleted. Raises OSError."""
    with _held(path, _new_file) as part:
        try:
            yield part
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder_beside(path: Path) -> Iterator[Path]:
    """The same with an empty folder. Raises OSError."""
    with _held(path, _new_folder) as part:
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


def sweep(folder: Path, name: str | None = None) -> None:
    """Deletes what killed writers left there, of the file or folder of this name; None: of any."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match and name in (None, match[1]):
                _delete_unheld(Path(entry.path))


def is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that has the path now."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


@contextlib.contextmanager
def _held(path: Path, make: Callable[[Path], int | None]) -> Iterator[Path]:
    """make: makes what it is given the name of, and opens it; None where somebody swept it before it was open."""
    descriptor = None
    while descriptor is None:
        part = beside(path)
        descriptor = make(part)
        if descriptor is not None and not _may_stay(descriptor, part):
            os.close(descriptor)
            descriptor = None
    _DESCRIPTORS.add(descriptor)
    try:
        yield part
    finally:
        if descriptor in _DESCRIPTORS:
            _DESCRIPTORS.discard(descriptor)
            os.close(descriptor)


def _forget_all() -> None:
    """A forked child does not hold the locks on after its parent."""
    while _DESCRIPTORS:
        os.close(_DESCRIPTORS.pop())


os.register_at_fork(after_in_child=_forget_all)


def _new_file(part: Path) -> int:
    return os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def _new_folder(part: Path) -> int | None:
    part.mkdir()
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        part.rmdir()
        raise


def _may_stay(descriptor: int, part: Path) -> bool:
    """Takes the lock, if there are any; false where somebody swept it before it could be taken."""
    try:
        _lock(descriptor)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return is_at(descriptor, part)


def _lock(descriptor: int) -> None:
    """Raises BlockingIOError where another holds it, OSError where there are no locks."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FAR_BYTE)


def _delete_unheld(path: Path) -> None:
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            flags = os.O_RDWR  # a lock needs the right to write
        elif stat.S_ISDIR(mode):
            flags = os.O_RDONLY | os.O_DIRECTORY
        else:
            return
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _lock(descriptor)
            if is_at(descriptor, path):
                shutil.rmtree(path) if stat.S_ISDIR(mode) else path.unlink()
        finally:
            os.close(descriptor)
