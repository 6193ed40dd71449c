"""Source: rows of files or of objects in memory as Arrow record batches, readable any number of times."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.errors import DataError, nearest_name

from ._batches import Rejects, SourceBatch
from ._csv import csv_names, read_csv

__all__ = ["Source", "as_source", "open_source"]

BATCH_ROWS = 65_536
_PARQUET, _TEXT, _ARROW = (".parquet", ".pq"), {".csv": ",", ".tsv": "\t", ".txt": "\t"}, (".arrow", ".feather", ".ipc")


@runtime_checkable
class Source(Protocol):
    """Where rows come from. `name` is for people."""

    name: str

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Batches of exactly these columns. Raises DataError where one is missing or the data cannot be read."""

    def fingerprint(self) -> str | None:
        """Changes whenever the rows may have changed; None where there is nothing to go by."""


def open_source(
    data: Any, *, folder: Path = Path(), names: Sequence[str] | None = None, delimiter: str | None = None
) -> Source:
    """A Source over `data`.

    data: a path, glob or list of them (Parquet, CSV, TSV, Arrow IPC); or an object with the Arrow PyCapsule protocol (a
        pandas or polars frame, a DuckDB relation, a pyarrow Table, ...); or a dict of columns.
    folder: where relative paths start. names, delimiter: of CSV/TSV files without a header.
    """
    if isinstance(data, str | Path):
        data = [data]
    if isinstance(data, list | tuple) and all(isinstance(part, str | Path) for part in data):
        if not data:
            raise DataError("the list of files is empty; name at least one")
        return _Files(_expand(data, folder), tuple(names) if names is not None else None, delimiter)
    return _Frame(_to_table(data))


def as_source(data: Any) -> Source:
    """A Source as it is, anything else through `open_source`."""
    return data if isinstance(data, Source) else open_source(data)


def _expand(patterns: Sequence[str | Path], folder: Path) -> list[Path]:
    paths: list[Path] = []
    for pattern in patterns:
        full = folder / pattern
        try:
            found = [full] if full.exists() else _matches(full)
        except (OSError, ValueError) as error:
            raise DataError(f"{full}: cannot look for it: {error}") from None
        if not found:
            raise DataError(f"{full}: there is no such file; check the path")
        paths += _inside(full) if full.is_dir() else found
        if full.is_dir() and not paths:
            raise DataError(f"{full}: the folder holds no file that can be read{_SUPPORTED}")
    return paths


def _inside(folder: Path) -> list[Path]:
    """The files of a folder that can be read, in order; hidden ones and hidden folders are left out."""
    files = (p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    return sorted(p for p in files if p.is_file() and _kind(p))


def _matches(pattern: Path) -> list[Path]:
    """Files that a pattern with *, ?, [] or ** names, in order."""
    plain = itertools.takewhile(lambda part: not set(part) & set("*?["), pattern.parts)
    root = Path(*plain)
    return sorted(root.glob(str(pattern.relative_to(root)))) if root != pattern else []


_SUPPORTED = f"; known endings: {', '.join([*_PARQUET, *_TEXT, *_ARROW])}, text also with .gz, .bz2, .zst"


def _kind(path: Path) -> str | None:
    name = path.name
    for packed in (".gz", ".bz2", ".zst"):
        name = name.removesuffix(packed)
    ending = Path(name).suffix.lower()
    return ending if ending in (*_PARQUET, *_TEXT, *_ARROW) else None


class _Files:
    def __init__(self, paths: list[Path], names: tuple[str, ...] | None, delimiter: str | None) -> None:
        self.paths, self.names, self.delimiter = paths, names, delimiter
        self.name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
        for path in paths:
            if _kind(path) is None:
                raise DataError(f"{path}: cannot tell the format{_SUPPORTED}")
            if not path.is_file():
                raise DataError(f"{path}: is not a regular file")

    def fingerprint(self) -> str:
        stats = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in self.paths]
        return hashlib.sha256(json.dumps([stats, self.names, self.delimiter]).encode()).hexdigest()

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        for path in self.paths:
            yield from self._file(path, list(columns), rejects)

    def _file(self, path: Path, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        ending = _kind(path)
        if ending in _TEXT:
            delimiter = self.delimiter or _TEXT[ending]
            _check_columns(str(path), columns, csv_names(path, self.names, delimiter))
            yield from read_csv(path, columns, self.names, delimiter, rejects)
            return
        try:
            if ending in _PARQUET:
                with pq.ParquetFile(path, memory_map=True) as file:
                    _check_columns(str(path), columns, file.schema_arrow.names)
                    batches = file.iter_batches(BATCH_ROWS, columns=columns)
                    yield from _numbered((b.select(columns) for b in batches), str(path))
            else:
                with pa.memory_map(str(path)) as memory, pa.ipc.open_file(memory) as file:
                    _check_columns(str(path), columns, file.schema.names)
                    batches = (file.get_batch(i).select(columns) for i in range(file.num_record_batches))
                    yield from _numbered(batches, str(path))
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: cannot read it as {str(ending).removeprefix('.')}: {error}") from None


class _Frame:
    name = "the data frame"

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def fingerprint(self) -> None:
        return None

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        _check_columns(self.name, columns, self.table.column_names)
        yield from _numbered(self.table.select(columns).to_batches(BATCH_ROWS), self.name)


def _numbered(batches: Any, origin: str) -> Iterator[SourceBatch]:
    first_row = 0
    for batch in batches:
        yield SourceBatch(batch, origin, first_row)
        first_row += batch.num_rows


def _to_table(data: Any) -> pa.Table:
    try:
        if isinstance(data, dict):
            return pa.table(data)
        if isinstance(data, pa.Table):
            return data
        if isinstance(data, pa.RecordBatch):
            return pa.Table.from_batches([data])
        if hasattr(data, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(data).read_all()
        if hasattr(data, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(data)])
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"cannot turn {type(data).__name__} into Arrow columns: {error}") from None
    raise DataError(
        f"cannot read rows from {type(data).__name__}; give a path, a data frame with the Arrow PyCapsule protocol "
        "(__arrow_c_stream__), or a dict of columns"
    )


def _check_columns(origin: str, needed: Sequence[str], present: Sequence[str]) -> None:
    for column in needed:
        if column not in present:
            raise DataError(f'{origin}: column "{column}" is missing{nearest_name(column, present)}')
        if list(present).count(column) > 1:
            raise DataError(f'{origin}: column "{column}" occurs twice; rename one of them')
