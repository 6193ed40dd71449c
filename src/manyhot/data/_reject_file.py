"""Rejected rows on disk: spooled as they come, and as a Parquet file for people."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.storage import whole_file

__all__ = ["Reject", "RejectSpool", "place", "read_rejects", "write_rejects"]

_SCHEMA = pa.schema(
    [
        ("origin", pa.string()),
        ("line", pa.int64()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("text", pa.string()),
    ]
)
_SPOOLED_ROWS = 16_384
_LONGEST_TEXT = 1000


class Reject(NamedTuple):
    """A bad row: its origin; its line in a text file, or its row, both from 1; why; the text where it has one."""

    origin: str
    line: int | None
    row: int | None
    reason: str
    text: bytes | None = None

    @property
    def sentence(self) -> str:
        """ "clicks.csv:17: why" or "clicks.parquet, row 17: why"."""
        return f"{place(self.origin, self.line, self.row)}: {self.reason}"


def place(origin: str, line: int | None, row: int | None) -> str:
    """ "clicks.csv:17", or of an origin without lines "clicks.parquet, row 17"."""
    return f"{origin}:{line}" if line is not None else f"{origin}, row {row}"


class RejectSpool:
    """Rejects in a temporary file without a name, so that any number of them takes little memory and leaves nothing."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the spool
        weakref.finalize(self, self._file.close)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._file, "w"), _SCHEMA, options=options)
        self._waiting: list[tuple[str, int | None, int | None, str, str | None]] = []

    def add(self, reject: Reject) -> None:
        """One more. Bytes that are no UTF-8 are shown as U+FFFD, and of a long text the start is kept."""
        text = None if reject.text is None else reject.text[:_LONGEST_TEXT].decode(errors="replace")
        self._waiting.append((reject.origin, reject.line, reject.row, reject.reason, text))
        if len(self._waiting) == _SPOOLED_ROWS:
            self._write()

    def copy(self, batches: Iterator[pa.RecordBatch]) -> int:
        """Those of another spool or file; how many they are."""
        count = 0
        for batch in batches:
            self._writer.write_batch(batch)
            count += len(batch)
        return count

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All of them, in the order in which they came."""
        self._write()
        self._file.flush()
        end = self._file.tell()
        self._file.seek(0)
        try:
            yield from pa.ipc.open_stream(pa.PythonFile(self._file, "r"))
        finally:
            self._file.seek(end)

    def _write(self) -> None:
        if self._waiting:
            columns = zip(*self._waiting, strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, _SCHEMA.types, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            self._waiting = []


def write_rejects(path: Path, parts: Mapping[str, Iterator[pa.RecordBatch]]) -> None:
    """The rejects of each part ("train", ..) as a Parquet file with the columns part, origin, line, row, reason, text.

    It appears only when it is whole. line: of a text file; row: of other origins, both from 1. Raises OSError.
    """
    schema = pa.schema([("part", pa.string()), *_SCHEMA])
    with whole_file(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for name, batches in parts.items():
            for batch in batches:
                names = pa.array([name] * len(batch), pa.string())
                writer.write_batch(pa.RecordBatch.from_arrays([names, *batch.columns], schema=schema))


def read_rejects(path: Path) -> Iterator[pa.RecordBatch]:
    """What was written, without the part."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield batch.drop_columns(["part"])
