"""Files and folders appear by rename: whole, or not at all; and what has appeared survives the machine's death.

The order is always: contents written, contents synced, renamed, folder synced. Without the first sync a name may lead
to an empty file after a crash, without the second the name may be missing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ._durable import folder_to_sync, sync_file, sync_folder
from ._leftovers import beside, new_file_beside, new_folder_beside, sweep

__all__ = ["made_folder", "whole_file", "whole_folder"]


@contextlib.contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes the folder and those above it, durably; where something fails, those it made and that are empty go again.

    Raises OSError.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        _make(folder)
        for path in missing:
            with folder_to_sync(path.parent) as above:
                sync_folder(above)
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # not empty, or never made
            for path in missing:
                path.rmdir()
        raise


def _make(folder: Path) -> None:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return
        except FileExistsError:
            if os.path.lexists(folder):
                raise
            # Somebody who had made it, and failed, has taken it away again meanwhile.


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to; synced and renamed at the end, deleted where something failed.

    Makes the folder, which goes again where something failed and it was not there before; deletes what killed writers
    of this file left. Any number of processes and machines may write the same file at once: one of them wins. Raises
    OSError.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    with made_folder(path.parent), folder_to_sync(path.parent) as folder:
        sweep(path.parent, path.name)
        with new_file_beside(path) as part:
            yield part
            sync_file(part)
            part.replace(path)
        sync_folder(folder)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` to write into; synced and renamed at the end, deleted where something failed.

    A folder that was there before is replaced, and stays where something failed. (Two renames: should the machine die
    between them, the older one is left as `path`.<16 hex>.old, which nothing deletes.) Makes the folder above and
    deletes leftovers, as `whole_file` does. Raises OSError.
    """
    old = beside(path).with_suffix(".old")
    with made_folder(path.parent), folder_to_sync(path.parent) as folder:
        sweep(path.parent, path.name)
        try:
            with new_folder_beside(path) as part:
                yield part
                _sync_below(part)
                if path.exists():
                    path.replace(old)
                part.replace(path)
            sync_folder(folder)
        finally:
            if old.exists() and not path.exists():
                old.replace(path)
            shutil.rmtree(old, ignore_errors=True)


def _sync_below(folder: Path) -> None:
    for top, _, names in os.walk(folder, onerror=_raise):
        for path in (Path(top, name) for name in names):
            if stat.S_ISREG(path.lstat().st_mode):
                sync_file(path)
        with folder_to_sync(Path(top)) as opened:
            sync_folder(opened)


def _raise(error: OSError) -> None:
    raise error
