"""Checkpoints of one run: a folder for each, whole or not there; the last few are kept.

    step-000000001234/arrays           raw arrays, see _arrays_file.py
    step-000000001234/manifest.json    what they are, their sizes and hashes, a header; see _manifest.py
    step-000000001234.<16 hex>.tmp/    one being written or deleted; of a dead process it goes at the next write
    lock                               while one is written or deleted

A write: lock, sweep, arrays written and synced, manifest written and synced, folder synced, renamed, the folder above
synced; only then older ones go, by a rename first. At each moment the newest whole one is either the one before or the
new one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from manyhot.errors import StorageError

from ._arrays_file import read_arrays, write_arrays
from ._durable import folder_to_sync, sync_folder
from ._failures import telling_why
from ._json import MOST_BYTES
from ._leftovers import beside
from ._lock import FolderLock, RunLock
from ._manifest import manifest_from, manifest_of
from ._regular import open_regular
from ._whole import made_folder

__all__ = ["CheckpointFolder", "Stored"]

_ARRAYS, _MANIFEST = "arrays", "manifest.json"
_NAME = re.compile(r"step-(\d{12,18})(?:-(\d{1,9}))?")
_LEFTOVER = re.compile(_NAME.pattern + r"\.[0-9a-f]{16}\.tmp")
# The machine's trouble, and no damage: an older checkpoint would be read no better.
_NOT_NOW = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def _nothing(*_: str) -> None:
    pass


@dataclass(frozen=True)
class Stored:
    """A checkpoint in memory. header: plain JSON; arrays: as they were written, little-endian made native."""

    path: Path
    step: int
    header: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]


class CheckpointFolder:
    """The checkpoints in a folder, which `write` makes.

    keep: how many stay; on_point: is told the name of each point that a write reaches. lock: of this folder, where the
    caller holds it all the time; else it is taken for each write.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int = 2,
        on_point: Callable[[str], None] = _nothing,
        lock: RunLock | None = None,
    ) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}, must be at least 1")
        self.folder, self._keep, self._on_point, self._lock = folder, keep, on_point, lock
        self._damaged: set[Path] = set()

    def write(
        self,
        step: int,
        header: Mapping[str, Any],
        arrays: Mapping[str, npt.NDArray[Any]],
        before_piece: Callable[[], None] = _nothing,
    ) -> Path:
        """Writes a checkpoint and returns its folder when it would survive the death of the machine; deletes others.

        header: plain JSON, numbers finite and within int64, 4 MiB at most; arrays: integers or floats of any shape,
        which must not change meanwhile. Those of a later step go, too: they are of a course that was given up. Any
        thread may write, one at a time. before_piece: called before each megabyte; what it raises ends the write, and
        nothing of it is left. Raises StorageError, LockedError where another process writes here.
        """
        num_bytes = sum(array.nbytes for array in arrays.values())
        with telling_why(self.folder, "the checkpoint", num_bytes), made_folder(self.folder), self._locked():
            self._sweep()
            path = self._path_of(step)
            with folder_to_sync(self.folder) as folder:
                part = beside(path)
                try:
                    self._fill(part, step, header, arrays, before_piece)
                    part.rename(path)
                except BaseException:
                    _remove(part)
                    raise
                self._on_point("renamed")
                sync_folder(folder)
            self._on_point("the folder above synced")
            with contextlib.suppress(OSError):  # the new one is there all the same; the next write tries again
                self._delete_others(path)
        return path

    def newest(self, on_damaged: Callable[[str], None] = _nothing) -> Stored | None:
        """The newest one that is whole; None where there is none. Needs no lock and writes nothing.

        on_damaged: is told a sentence of each newer one that is damaged. Raises StorageError where the folder cannot be
        read, or a later version of manyhot wrote the checkpoint.
        """
        try:
            listed = self._listed()
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot read the checkpoints: {error.strerror or error}") from None
        for path in reversed(listed):
            try:
                return _read(path)
            except ValueError as error:
                reason = str(error)
            except OSError as error:
                reason = error.strerror or str(error)
                if error.errno in _NOT_NOW:
                    raise StorageError(f"{path}: cannot read the checkpoint: {reason}") from None
            if not os.path.lexists(path):  # its writer has deleted it meanwhile, and made a newer one before
                return self.newest(on_damaged)
            self._damaged.add(path)
            on_damaged(f"{path}: the checkpoint is damaged and passed over: {reason}")
        return None

    def clear(self) -> None:
        """Deletes all checkpoints, and what dead writers left. Raises StorageError, LockedError."""
        if not self.folder.exists():
            return
        try:
            with self._locked(), folder_to_sync(self.folder) as folder:
                self._sweep()
                for path in self._listed():
                    _delete(path)
                sync_folder(folder)
        except OSError as error:
            raise StorageError(f"{self.folder}: cannot delete the checkpoints: {error.strerror or error}") from None

    def _locked(self) -> contextlib.AbstractContextManager[object]:
        return FolderLock(self.folder) if self._lock is None else contextlib.nullcontext()

    def _fill(
        self,
        part: Path,
        step: int,
        header: Mapping[str, Any],
        arrays: Mapping[str, npt.NDArray[Any]],
        before_piece: Callable[[], None],
    ) -> None:
        part.mkdir()
        self._on_point("folder made")
        with folder_to_sync(part) as folder:
            with (part / _ARRAYS).open("xb", buffering=0) as file:
                entries = write_arrays(file, arrays, before_piece)
                self._on_point("arrays written")
                os.fsync(file.fileno())
            self._on_point("arrays synced")
            manifest = manifest_of(step, header, entries)
            with (part / _MANIFEST).open("xb") as file:
                file.write(manifest)
                file.flush()
                self._on_point("manifest written")
                os.fsync(file.fileno())
            self._on_point("manifest synced")
            sync_folder(folder)
        self._on_point("folder synced")

    def _listed(self) -> list[Path]:
        """Those that carry the name of a checkpoint, oldest first."""
        return sorted((path for path in self._inside() if _NAME.fullmatch(path.name)), key=_place)

    def _sweep(self) -> None:
        """Deletes what dead writers left: the lock is ours, so no living one is here."""
        for path in self._inside():
            if _LEFTOVER.fullmatch(path.name):
                _remove(path)
        self._on_point("swept")

    def _inside(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except FileNotFoundError:
            return []

    def _path_of(self, step: int) -> Path:
        """The name of the step; one written once more gets a number behind it, and takes no other's place."""
        times = max((times for at, times in map(_place, self._listed()) if at == step), default=0)
        return self.folder / (f"step-{step:012d}-{times + 1}" if times else f"step-{step:012d}")

    def _delete_others(self, new: Path) -> None:
        listed = self._listed()
        older = [path for path in listed if _place(path) < _place(new) and path not in self._damaged]
        staying = {new, *older[::-1][: self._keep - 1]}
        for path in listed:
            if path not in staying:
                _delete(path, self._on_point)


def _place(path: Path) -> tuple[int, int]:
    """Step, and the how many-th that was written of it."""
    match = _NAME.fullmatch(path.name)
    assert match
    return int(match[1]), int(match[2] or 1)


def _delete(path: Path, on_point: Callable[[str], None] = _nothing) -> None:
    """By a rename first, so that what is left of one half deleted is not taken for a damaged checkpoint."""
    part = beside(path)
    path.rename(part)
    on_point("an older one renamed")
    _remove(part)
    on_point("an older one deleted")


def _remove(part: Path) -> None:
    """Needs no file descriptor for what we wrote: there may be none left."""
    with contextlib.suppress(OSError):
        if part.is_symlink():
            part.unlink()
            return
        for name in (_ARRAYS, _MANIFEST):
            (part / name).unlink(missing_ok=True)
        part.rmdir()
        return
    shutil.rmtree(part, ignore_errors=True)


def _read(path: Path) -> Stored:
    """Raises ValueError or OSError where it is damaged, StorageError where a later version wrote it."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise ValueError("it is no folder")
    with open_regular(path / _MANIFEST) as file, open_regular(path / _ARRAYS) as array_file:
        try:
            step, header, entries = manifest_from(file.read(MOST_BYTES + 1))
        except StorageError as error:
            raise StorageError(f"{path}: the checkpoint {error}") from None
        if step != _place(path)[0]:
            raise ValueError(f"it says that it is of step {step}")
        return Stored(path, step, header, read_arrays(array_file, entries))
