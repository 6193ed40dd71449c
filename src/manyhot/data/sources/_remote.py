"""Files behind URLs: one, those of a folder, or those that a pattern names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile

import pyarrow as pa
from pyarrow import fs

from manyhot.errors import DataError

from ._file import File
from ._filesystems import Place, place_of

__all__ = ["expand_url"]


def expand_url(url: str, endings: Collection[str]) -> list[File]:
    """The files of a URL in order; *, [] and ** are patterns, as what follows a ? are options.

    Raises DataError where there are none, or where the place cannot be reached.
    """
    place = place_of(url)
    try:
        paths = _paths(place, endings)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{place.name}: cannot look for it: {one_line(error)}") from None
    return [File(place.name_of(path), path, place.filesystem) for path in paths]


def one_line(error: Exception) -> str:
    """The text of an error of Arrow without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def _paths(place: Place, endings: Collection[str]) -> list[str]:
    if set(place.path) & set("*["):
        return _matches(place)
    info = place.filesystem.get_file_info(place.path)
    if info.type == fs.FileType.Directory:
        found = [path for path in _below(place, place.path, recursive=True) if _is_wanted(place, path, endings)]
        if not found:
            known = ", ".join(endings)
            raise DataError(f"{place.name}: the folder holds no file that can be read; known endings: {known}")
        return found
    if info.type == fs.FileType.NotFound:
        raise DataError(f"{place.name}: there is no such file; {_missing(place)}")
    return [place.path]


def _matches(place: Place) -> list[str]:
    parts = place.path.split("/")
    root = list(takewhile(lambda part: not set(part) & set("*["), parts))
    pattern = parts[len(root) :]
    folder = "/".join(root)
    below = _below(place, folder, recursive=len(pattern) > 1 or "**" in pattern)
    found = [path for path in below if _fits(path.split("/")[len(root) :], pattern)]
    if not found:
        raise DataError(f"{place.name}: no file has such a name; {_missing(place)}")
    return found


def _below(place: Place, folder: str, *, recursive: bool) -> list[str]:
    selector = fs.FileSelector(folder, recursive=recursive, allow_not_found=True)
    infos = place.filesystem.get_file_info(selector)
    return sorted(info.path for info in infos if info.type != fs.FileType.Directory)


def _is_wanted(place: Place, path: str, endings: Collection[str]) -> bool:
    inside = path.removeprefix(place.path).split("/")
    return File(path, path).ending in endings and not any(part.startswith(".") for part in inside)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path has the form of a pattern; ** stands for any number of folders, none among them."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[skip:], pattern[1:] or ["*"]) for skip in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _missing(place: Place) -> str:
    """What to do; a bucket that is not there is told from a file that is not there."""
    if place.bucket and place.filesystem.get_file_info(place.bucket).type == fs.FileType.NotFound:
        return f'there is no bucket "{place.bucket}" either (or it may not be listed); check both names'
    return "check the URL"
