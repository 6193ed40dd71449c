"""open_source: what a user points at, as a Source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from manyhot.errors import ConfigError, DataError
from manyhot.schema import Experiment, Part, Querying, Reading

from ._files import ENDINGS, Files
from ._frame import Frame, is_frame
from ._places import expand
from ._records import Records
from ._relation import Relation, is_relation
from ._source import Source
from ._sql import is_sql, shown

__all__ = ["as_source", "open_part", "open_source"]


def open_source(
    data: Any, *, folder: Path = Path(), reading: Reading | None = None, querying: Querying | None = None
) -> Source:
    """A Source over `data`.

    data: a path, glob, URL or list of them; or SQL; or an object with the Arrow PyCapsule protocol (a pandas or polars
        frame, a DuckDB relation, a pyarrow Table, ...); or a dict of columns; or a list, another iterable or a
        generator of dicts, one a row.
    folder: where relative paths start, those in SQL too. reading: how files are read. querying: how SQL is run.

    Raises ConfigError, DataError.
    """
    if isinstance(data, str | Path):
        data = [data]
    if isinstance(data, list | tuple) and all(isinstance(part, str | Path) for part in data):
        if not data:
            raise DataError("the list of files is empty; name at least one")
        querying = querying or Querying()
        if querying.database is not None or any(is_sql(part, folder) for part in data):
            return _open_sql(data, folder, querying)
        return Files(expand(data, folder, ENDINGS), reading or Reading())
    if is_relation(data):
        return Relation(data)
    if is_frame(data) or not _may_hold_rows(data):
        return Frame(data)
    return Records(data)


def _may_hold_rows(data: Any) -> bool:
    """Whether it gives rows as dicts; what can be looked at without taking a row away is looked at."""
    if isinstance(data, list | tuple):
        return isinstance(data[0], Mapping)
    return isinstance(data, Iterable) and not isinstance(data, bytes | bytearray | memoryview)


def open_part(experiment: Experiment, part: Part) -> Source:
    """What an experiment file says of "train", "valid" or "test". Raises ConfigError, DataError."""
    data = experiment.data
    return open_source(
        getattr(data, part),
        folder=experiment.folder,
        reading=data.reading,
        querying=data.querying(experiment.training.threads),
    )


def as_source(data: Any, reading: Reading | None = None) -> Source:
    """A Source as it is, anything else through `open_source`."""
    return data if isinstance(data, Source) else open_source(data, reading=reading)


def _open_sql(texts: Sequence[str | Path], folder: Path, querying: Querying) -> Source:
    text = texts[0]
    if not isinstance(text, str) or not is_sql(text, folder):
        raise ConfigError(f"{text}: is no SELECT; where a database is given, train, valid and test are SQL for it")
    if len(texts) > 1:
        raise ConfigError(
            f"{shown(text)}: a query stands alone, not in a list; join what belongs together by UNION ALL"
        )
    # Imported here, as files and frames need none of them.
    if querying.database is None:
        from ._duckdb import Query

        return Query(text, folder, querying)
    from ._database import Database

    return Database(text, querying.database, folder)
