"""Parquet and Arrow IPC files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._file import File
from ._source import BATCH_ROWS, check_columns, numbered

__all__ = ["ArrowFormat", "ParquetFormat"]

_BUFFER, _REMOTE_BUFFER = 1 << 20, 8 << 20  # bytes of a column read at a time


class ParquetFormat:
    """Row groups in order; only the wanted columns are read."""

    def columns(self, file: File) -> list[str]:
        """From the footer."""
        with _readable(file, "parquet"), file.random_access() as source, _opened(file, source) as opened:
            return list(opened.schema_arrow.names)

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most."""
        with _readable(file, "parquet"), file.random_access() as source, _opened(file, source) as opened:
            check_columns(file.name, columns, opened.schema_arrow.names)
            batches = opened.iter_batches(BATCH_ROWS, columns=columns)
            yield from numbered((batch.select(columns) for batch in batches), file.name)


def _opened(file: File, source: pa.NativeFile) -> pq.ParquetFile:
    """Without pre_buffer, which reads ahead and keeps the bytes of all row groups until the file is closed."""
    buffer = _BUFFER if file.is_local else _REMOTE_BUFFER
    return pq.ParquetFile(source, pre_buffer=False, buffer_size=buffer)


class ArrowFormat:
    """Arrow IPC files (Feather 2)."""

    def columns(self, file: File) -> list[str]:
        """From the footer."""
        with _readable(file, "arrow"), file.random_access() as source, pa.ipc.open_file(source) as opened:
            return list(opened.schema.names)

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """The record batches that the file holds."""
        with _readable(file, "arrow"), file.random_access() as source, pa.ipc.open_file(source) as opened:
            check_columns(file.name, columns, opened.schema.names)
            batches = (opened.get_batch(i).select(columns) for i in range(opened.num_record_batches))
            yield from numbered(batches, file.name)


@contextlib.contextmanager
def _readable(file: File, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.name}: cannot read it as {kind}: {' '.join(str(error).split())}") from None
