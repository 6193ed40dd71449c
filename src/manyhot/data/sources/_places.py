"""Places: paths, globs, folders and URLs, turned into files."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from manyhot.errors import DataError

from ._file import File
from ._remote import expand_url

__all__ = ["expand", "is_url"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: "C://" is a drive


def is_url(text: str | Path) -> bool:
    """Whether a text names a place behind a URL."""
    return isinstance(text, str) and _URL.match(text) is not None


def expand(patterns: Sequence[str | Path], folder: Path, endings: Collection[str]) -> list[File]:
    """The files that paths, globs, folders and URLs name, in order. Raises DataError where one names none.

    folder: where relative paths start. endings: of the files that are wanted of a folder.
    """
    files: list[File] = []
    for pattern in patterns:
        if isinstance(pattern, str) and pattern.startswith("file:///"):
            pattern = pattern.removeprefix("file://")
        if isinstance(pattern, str) and is_url(pattern):
            files += expand_url(pattern, endings)
        else:
            files += _expand_path(folder / pattern, endings)
    return files


def _expand_path(path: Path, endings: Collection[str]) -> list[File]:
    try:
        found = [path] if path.exists() else _matches(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot look for it: {error}") from None
    if not found:
        raise DataError(f"{path}: there is no such file; check the path")
    if path.is_dir():
        found = _inside(path, endings)
        if not found:
            known = ", ".join(endings)
            raise DataError(f"{path}: the folder holds no file that can be read; known endings: {known}")
    return [_local(path) for path in found]


def _local(path: Path) -> File:
    if not path.is_file():
        raise DataError(f"{path}: is not a regular file")
    return File(str(path), str(path.resolve()))


def _inside(folder: Path, endings: Collection[str]) -> list[Path]:
    """The files of a folder that can be read, in order; hidden ones and hidden folders are left out."""
    files = (p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    return sorted(p for p in files if p.is_file() and File(p.name, p.name).ending in endings)


def _matches(pattern: Path) -> list[Path]:
    """Files that a pattern with *, ?, [] or ** names, in order."""
    plain = itertools.takewhile(lambda part: not set(part) & set("*?["), pattern.parts)
    root = Path(*plain)
    return sorted(root.glob(str(pattern.relative_to(root)))) if root != pattern else []
