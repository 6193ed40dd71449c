"""Spool: batches of rows in a temporary file, to be read again."""

from __future__ import annotations

import mmap
import tempfile
import weakref
from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa

from manyhot.errors import DataError

from ._value_batch import ValueBatch
from ._values import Faults

__all__ = ["Spool"]


class _Notes(msgspec.Struct):
    """What Arrow has no place for in a batch of columns."""

    num_rows: int
    faults: dict[str, Faults]
    names: frozenset[str]


class Spool:
    """An Arrow IPC stream a batch, as one column may be of another type in each, one after the other in a file.

    The file has no name: the system removes it when the Spool goes, or the process ends, however it ends.
    """

    def __init__(self, batches: Iterable[ValueBatch]) -> None:
        """Takes all of them, one at a time. Raises DataError where the disk does."""
        try:
            self._file = tempfile.TemporaryFile(prefix="manyhot-")  # noqa: SIM115  it lives as long as the spool
            weakref.finalize(self, self._file.close)
            self._ends = [0]
            for batch in batches:
                self._write(batch)
            self._file.flush()
        except OSError as error:
            raise DataError(
                f"cannot keep the rows in a temporary file in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to "
                "a folder with more room"
            ) from None

    def _write(self, batch: ValueBatch) -> None:
        notes = msgspec.json.encode(_Notes(batch.num_rows, dict(batch.faults), batch.names))
        columns = list(batch.arrays)
        table = pa.record_batch(list(batch.arrays.values()), columns).replace_schema_metadata({"notes": notes})
        with pa.ipc.new_stream(self._file, table.schema) as writer:
            writer.write_batch(table)
        self._ends.append(self._file.tell())

    def batches(self) -> Iterator[ValueBatch]:
        """In order, mapped from the file; several passes may go on at a time."""
        if len(self._ends) == 1:
            return
        whole = pa.py_buffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))
        for start, end in zip(self._ends, self._ends[1:], strict=False):
            table = pa.ipc.open_stream(whole.slice(start, end - start)).read_next_batch()
            notes = msgspec.json.decode(table.schema.metadata[b"notes"], type=_Notes)
            arrays = dict(zip(table.schema.names, table.columns, strict=True))
            yield ValueBatch(notes.num_rows, arrays, notes.faults, notes.names)
