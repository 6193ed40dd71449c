"""open_source: what a user points at, as a Source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from manyhot.errors import DataError
from manyhot.schema import Reading

from ._files import Files, expand
from ._frame import Frame, is_frame
from ._records import Records
from ._source import Source

__all__ = ["as_source", "open_source"]


def open_source(data: Any, *, folder: Path = Path(), reading: Reading | None = None) -> Source:
    """A Source over `data`.

    data: a path, glob or list of them; or an object with the Arrow PyCapsule protocol (a pandas or polars frame, a
        DuckDB relation, a pyarrow Table, ...); or a dict of columns; or a list, another iterable or a generator of
        dicts, one a row.
    folder: where relative paths start. reading: how files are read.
    """
    if isinstance(data, str | Path):
        data = [data]
    if isinstance(data, list | tuple) and all(isinstance(part, str | Path) for part in data):
        if not data:
            raise DataError("the list of files is empty; name at least one")
        return Files(expand(data, folder), reading or Reading())
    if is_frame(data) or not _may_hold_rows(data):
        return Frame(data)
    return Records(data)


def _may_hold_rows(data: Any) -> bool:
    """Whether it gives rows as dicts; what can be looked at without taking a row away is looked at."""
    if isinstance(data, list | tuple):
        return isinstance(data[0], Mapping)
    return isinstance(data, Iterable) and not isinstance(data, bytes | bytearray | memoryview)


def as_source(data: Any, reading: Reading | None = None) -> Source:
    """A Source as it is, anything else through `open_source`."""
    return data if isinstance(data, Source) else open_source(data, reading=reading)
