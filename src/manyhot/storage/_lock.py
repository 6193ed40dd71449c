"""One folder, one process that writes there."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import socket
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from manyhot.errors import LockedError, StorageError

from ._failures import telling_why
from ._leftovers import is_at
from ._whole import made_folder

__all__ = ["FolderLock", "RunLock"]

_NAME = "lock"
_MOST_BYTES = 500
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_HELD: weakref.WeakSet[FolderLock] = weakref.WeakSet()


class FolderLock:
    """As RunLock, of which it is all but the sentence. Raises LockedError, StorageError, OSError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._descriptor: int | None = None
        while self._descriptor is None:
            with made_folder(folder):
                self._descriptor = self._take()
        _HELD.add(self)
        with contextlib.suppress(OSError):  # a full disk: the lock holds without words, too
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, _owner().encode()[:_MOST_BYTES], 0)

    def release(self) -> None:
        """Deletes the file and frees the lock; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError):  # a disk that became read-only
            if is_at(descriptor, self._path):
                self._path.unlink()  # before the lock is free: afterwards it might be another's
        os.close(descriptor)

    def forget(self) -> None:
        """Closes the file and leaves the lock to those who share it: what a forked child does."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def _take(self) -> int | None:
        """The descriptor that holds the lock; None where its owner deleted the file meanwhile, or one who had made the
        folder and was refused the folder: once more."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o644)
        except FileNotFoundError:
            return None
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise self._refusal(error, descriptor) from None
            if not is_at(descriptor, self._path):
                return None
            on_failure.pop_all()
        return descriptor

    def _refusal(self, error: OSError, descriptor: int) -> Exception:
        folder = self._path.parent
        if error.errno in _BUSY:
            return LockedError(
                f"{folder}: is in use by {_words(descriptor)}; wait for its end, stop it, or take another folder"
            )
        if error.errno in _NO_LOCKS:
            return StorageError(
                f"{folder}: its file system has no locks ({os.strerror(error.errno)}), and two runs could write over "
                "each other; take a folder elsewhere, or mount it with locks"
            )
        return error


class RunLock(FolderLock):
    """Held from its making until `release`, or until the end of a `with`: nobody else can make one of that folder.

    The kernel's lock (flock) on the file `lock` decides, and nothing that stands in the file: the kernel frees it in
    the moment in which the owner dies, whatever kills it, and a process that later gets the owner's number is no
    owner. The file only says, for the message, who holds it. It is deleted at the end; that of a killed owner stays,
    and the next one takes it over. Children made by fork do not hold the lock on after their parent.

    On NFS, CephFS, SMB and Lustre (mounted with `flock`) the kernels of all machines ask the server, so that one
    machine's trainer keeps out another's; where a mount keeps locks to the machine (NFS with `nolock` or
    `local_lock`, Lustre with `localflock`), two machines are not kept apart. A server frees the lock of a machine
    that vanished when its lease ends (NFSv4: 90 s).

    Makes the folder where it is missing. Raises LockedError where the lock is held, by this process too, StorageError
    where the lock cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        with telling_why(folder, "the lock of the run", _MOST_BYTES):
            super().__init__(folder)


def _forget_all() -> None:
    for lock in list(_HELD):
        lock.forget()


os.register_at_fork(after_in_child=_forget_all)


def _owner() -> str:
    now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    return f"process {os.getpid()} on {socket.gethostname()} since {now}"


def _words(descriptor: int) -> str:
    """What the owner wrote; nothing yet where it has just begun."""
    owner = ""
    with contextlib.suppress(OSError):
        owner = os.pread(descriptor, _MOST_BYTES, 0).decode(errors="replace")
    return "".join(letter for letter in owner if letter.isprintable()) or "another process"
