"""DuckDB relations and lazy polars frames given as objects: run again for each pass, never held whole."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pyarrow as pa

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._source import BATCH_ROWS, check_columns, numbered
from ._sql import quoted

__all__ = ["Relation", "is_relation"]


def is_relation(data: Any) -> bool:
    """Whether the object can be run any number of times. Imports no library: what made the object is imported."""
    for module, name in (("duckdb", "DuckDBPyRelation"), ("polars", "LazyFrame")):
        if module in sys.modules and isinstance(data, getattr(sys.modules[module], name)):
            return True
    return False


class Relation:
    """A Source over such an object. Its connection, if any, has to stay open."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self._is_lazy_frame = hasattr(data, "collect_schema")
        self.name = "the lazy frame" if self._is_lazy_frame else "the relation"

    def columns(self) -> list[str]:
        """Without running it."""
        with self._readable():
            return list(self._data.collect_schema() if self._is_lazy_frame else self._data.columns)

    def fingerprint(self) -> None:
        """An object has nothing to go by."""
        return

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most, as they come."""
        check_columns(self.name, columns, self.columns())
        with self._readable(), contextlib.closing(self._stream(columns)) as stream:
            yield from numbered(stream, self.name)

    def _stream(self, columns: Sequence[str]) -> Generator[pa.RecordBatch, None, None]:
        if self._is_lazy_frame:
            for frame in self._data.select(columns).collect_batches(chunk_size=BATCH_ROWS):
                yield from frame.to_arrow().to_batches(BATCH_ROWS)
        else:
            wanted = self._data.project(", ".join(map(quoted, columns)))
            with contextlib.closing(wanted.to_arrow_reader(BATCH_ROWS)) as reader:
                yield from reader

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        library = sys.modules["polars"].exceptions.PolarsError if self._is_lazy_frame else sys.modules["duckdb"].Error
        try:
            yield
        except (library, pa.ArrowException, OSError) as error:
            raise DataError(f"{self.name}: {' '.join(str(error).split())}") from None
