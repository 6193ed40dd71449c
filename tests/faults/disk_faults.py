"""Faults that files meet, each a function of the folder written to that gives a context in which they happen."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from system_calls import begin, end

__all__ = [
    "OWN_DISKS",
    "CallsRefused",
    "Fault",
    "FewDescriptors",
    "FullDisk",
    "ReadOnlyDisk",
    "free_pages",
    "has_memory_disk",
    "no_rights",
]

Fault = Callable[[Path], AbstractContextManager[None]]
OWN_DISKS = ("unshare", "-Urm")
"""In front of a command: it may mount disks that nobody else sees."""
_PAGE = 4096


def has_memory_disk() -> bool:
    """Whether a process may make a disk that nobody else sees."""
    command = [*OWN_DISKS, "sh", "-c", "mount -t tmpfs none /tmp"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class CallsRefused:
    """Calls are refused as `begin` says."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[None]:
        begin(folder.parent, **self._options)
        try:
            yield
        finally:
            end()


class FewDescriptors:
    """So many can still be opened."""

    def __init__(self, free: int) -> None:
        self._free = free

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        first = os.open("/dev/null", os.O_RDONLY)
        os.close(first)
        resource.setrlimit(resource.RLIMIT_NOFILE, (first + self._free, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def no_rights(folder: Path) -> Iterator[None]:
    """Nobody may write in the folder, nor in the one above; root is nobody for a while."""
    is_root = os.geteuid() == 0
    locked = [path for path in (folder, folder.parent) if path.exists()]
    for path in locked:
        path.chmod(0o555)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path in locked:
            path.chmod(0o755)


def free_pages(top: Path) -> int:
    return os.statvfs(top).f_bavail


class FullDisk:
    """So many pages are left on the disk."""

    def __init__(self, top: Path, left: int) -> None:
        self._top, self._left = top, left

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[None]:
        with tempfile.TemporaryFile(dir=self._top) as ballast:
            os.posix_fallocate(ballast.fileno(), 0, (free_pages(self._top) - self._left) * _PAGE)
            yield


class ReadOnlyDisk:
    """The disk is read-only."""

    def __init__(self, top: Path) -> None:
        self._top = top

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[None]:
        subprocess.run(["mount", "-o", "remount,ro", self._top], check=True)
        try:
            yield
        finally:
            subprocess.run(["mount", "-o", "remount,rw", self._top], check=True)
