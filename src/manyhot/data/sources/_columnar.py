"""Parquet and Arrow IPC files. Their bytes are believed only when they were looked through (`_sound.py`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._file import File
from ._parquet_pages import ParquetFooter
from ._sound import check_values, sound
from ._source import BATCH_ROWS, check_columns, numbered

__all__ = ["ArrowFormat", "ParquetFormat"]

_BUFFER, _REMOTE_BUFFER = 1 << 20, 8 << 20  # bytes of a column read at a time
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last: a name in the schema
_MAGIC = b"ARROW1"


class ParquetFormat:
    """Row groups in order; only the wanted columns are read. Checksums of pages are checked where there are any."""

    def columns(self, file: File) -> list[str]:
        """From the footer."""
        with _readable(file, "parquet", "footer"), file.random_access() as source, _opened(file, source) as opened:
            return list(opened.schema_arrow.names)

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most."""
        with contextlib.ExitStack() as stack:
            with _readable(file, "parquet", "footer"):
                source = stack.enter_context(file.random_access())
                opened = stack.enter_context(_opened(file, source))
                present = opened.schema_arrow.names
            check_columns(file.name, columns, present)
            yield from numbered(_row_groups(file, source, opened, columns), file.name)


def _opened(file: File, source: pa.NativeFile) -> pq.ParquetFile:
    """Without pre_buffer, which reads ahead and keeps the bytes of all row groups until the file is closed."""
    buffer = _BUFFER if file.is_local else _REMOTE_BUFFER
    return pq.ParquetFile(source, pre_buffer=False, buffer_size=buffer, page_checksum_verification=True)


def _row_groups(
    file: File, source: pa.NativeFile, opened: pq.ParquetFile, columns: list[str]
) -> Iterator[pa.RecordBatch]:
    """Batches go across row groups, which may be small."""
    with _readable(file, "parquet", "footer"):
        # Behind a URL it would be read twice, and each page's header would be a request of its own.
        footer = ParquetFooter(source) if file.is_local else None
    batches, ends = opened.iter_batches(BATCH_ROWS, columns=columns), footer.ends if footer else []
    num_read, num_checked = 0, 0
    batch: pa.RecordBatch | None
    while True:
        # Of the groups that the next batch may touch.
        while footer is not None and num_checked < len(ends) and [0, *ends][num_checked] <= num_read + BATCH_ROWS:
            with _readable(file, "parquet", _group(num_checked, ends)):
                footer.check_row_group(num_checked, columns)
            num_checked += 1
        try:
            batch = next(batches, None)
            batch = batch if batch is None else sound(batch.select(columns))
        except _DAMAGE as error:
            raise _unreadable(file, "parquet", _place(opened, columns, num_read, ends), error) from None
        if batch is None:
            break
        num_read += batch.num_rows
        yield batch
    if num_read != opened.metadata.num_rows:
        raise DataError(
            f"{file.name}: cannot read it as parquet: footer: it names {opened.metadata.num_rows:,} rows, and there "
            f"are {num_read:,}"
        )


def _place(opened: pq.ParquetFile, columns: list[str], num_read: int, ends: list[int]) -> str:
    """The row group and the column that cannot be read, found by reading each alone; at the next batch there is one."""
    groups = [i for i, end in enumerate(ends) if end > num_read and [0, *ends][i] <= num_read + BATCH_ROWS]
    for group in groups:
        for column in columns:
            try:
                for batch in opened.iter_batches(BATCH_ROWS, row_groups=[group], columns=[column]):
                    sound(batch)
            except _DAMAGE:
                return f'{_group(group, ends)}, column "{column}"'
    return _group(groups[0], ends) if groups else f"from row {num_read + 1:,} on"


def _group(number: int, ends: list[int]) -> str:
    """ "row group 2 (rows 101 to 200)"; ends: of all of them, in rows."""
    return f"row group {number + 1} (rows {[0, *ends][number] + 1:,} to {ends[number]:,})"


class ArrowFormat:
    """Arrow IPC files (Feather 2) and streams."""

    def columns(self, file: File) -> list[str]:
        """From the footer, or from the head of a stream."""
        with contextlib.ExitStack() as stack:
            return _names(file, _arrow(file, stack)[0])

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """The record batches that the file holds."""
        with contextlib.ExitStack() as stack:
            opened, size = _arrow(file, stack)
            check_columns(file.name, columns, _names(file, opened))
            yield from numbered(_record_batches(file, opened, size, columns), file.name)


_Arrow: TypeAlias = pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader


def _arrow(file: File, stack: contextlib.ExitStack) -> tuple[_Arrow, int]:
    """The reader, which the stack closes, and the bytes of the file."""
    with _readable(file, "arrow", "head"):
        source = stack.enter_context(file.random_access())
        is_file = source.read(len(_MAGIC)) == _MAGIC
        source.seek(0)
        size: int = source.size()
    with _readable(file, "arrow", "footer" if is_file else "head"):
        opened: _Arrow = stack.enter_context((pa.ipc.open_file if is_file else pa.ipc.open_stream)(source))
    return opened, size


def _names(file: File, opened: _Arrow) -> list[str]:
    with _readable(file, "arrow", "schema"):
        return list(opened.schema.names)


def _record_batches(file: File, opened: _Arrow, size: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    number, num_rows = 0, 0
    while True:
        with _readable(file, "arrow", f"record batch {number + 1}, from row {num_rows + 1:,} on"):
            if isinstance(opened, pa.ipc.RecordBatchFileReader):
                if number == opened.num_record_batches:
                    return
                batch = opened.get_batch(number)
            else:
                try:
                    batch = opened.read_next_batch()
                except StopIteration:
                    return
            batch = sound(batch.select(columns))
            check_values(batch, num_rows, size)
        yield batch
        number, num_rows = number + 1, num_rows + batch.num_rows


@contextlib.contextmanager
def _readable(file: File, kind: str, place: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _unreadable(file, kind, place, error) from None


def _unreadable(file: File, kind: str, place: str, error: Exception) -> DataError:
    return DataError(f"{file.name}: cannot read it as {kind}: {place}: {' '.join(str(error).split())}")
