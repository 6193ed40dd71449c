"""Files and folders appear by rename: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

__all__ = ["made_folder", "whole_file", "whole_folder"]


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes the folder and those above it; where something fails, those that it made and that are empty go again.

    Raises OSError.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # not empty, or never made
            for path in missing:
                path.rmdir()
        raise


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; synced and renamed at the end, deleted where something failed.

    Makes the folder, which goes again where something failed and it was not there before. Any number of processes and
    machines may write the same file at once: one of them wins. Raises OSError.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    part = _beside(path)
    with made_folder(path.parent):
        try:
            yield part
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` to write into; renamed at the end, deleted where something failed.

    A folder that was there before is replaced, and stays where something failed. Raises OSError.
    """
    part, old = _beside(path), _beside(path)
    try:
        part.mkdir(parents=True)
        yield part
        if path.exists():
            path.replace(old)
        part.replace(path)
    except BaseException:
        if old.exists():
            old.replace(path)
        raise
    finally:
        for rest in (part, old):
            shutil.rmtree(rest, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")
