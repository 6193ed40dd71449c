"""Files appear by rename: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["made_folder", "whole_file"]


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

    Makes the folder, which goes again where something failed and it was not there before. Raises OSError.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with made_folder(path.parent):
        try:
            yield part
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
