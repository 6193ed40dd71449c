"""open_source: what a user points at, as a Source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyhot.errors import DataError
from manyhot.schema import Reading

from ._files import ENDINGS, Files
from ._frame import Frame
from ._places import expand
from ._source import Source

__all__ = ["as_source", "open_source"]


def open_source(data: Any, *, folder: Path = Path(), reading: Reading | None = None) -> Source:
    """A Source over `data`.

    data: a path, glob or list of them; or an object with the Arrow PyCapsule protocol (a pandas or polars frame, a
        DuckDB relation, a pyarrow Table, ...); or a dict of columns.
    folder: where relative paths start. reading: how files are read.
    """
    if isinstance(data, str | Path):
        data = [data]
    if isinstance(data, list | tuple) and all(isinstance(part, str | Path) for part in data):
        if not data:
            raise DataError("the list of files is empty; name at least one")
        return Files(expand(data, folder, ENDINGS), reading or Reading())
    return Frame(data)


def as_source(data: Any, reading: Reading | None = None) -> Source:
    """A Source as it is, anything else through `open_source`."""
    return data if isinstance(data, Source) else open_source(data, reading=reading)
