"""Examples: encoded rows in memory, or memory-mapped from an Arrow IPC file.

On disk a row is {label: float32, bags: fixed_size_list[F] of list<struct<id: int32, weight: float32>>}: Arrow lays that
out as exactly the row-major offsets [rows*F+1], ids [N], weights [N] that the kernels read, and any Arrow tool can open
it. Where every weight of a chunk is 1 the weights are a column of that chunk all the same, unless no chunk has any.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from manyhot.errors import DataError
from manyhot.kernels import ExampleStore, Float32s, Int32s, Kernels

from ._encoder import EncodedChunk
from ._whole_file import whole_file

__all__ = ["Examples", "write_examples"]


class Examples:
    """Encoded rows in chunks. num_rows, num_pairs, num_fields; labels float32 [num_rows] or None."""

    def __init__(self, chunks: Iterable[EncodedChunk], num_fields: int) -> None:
        self.chunks = [chunk for chunk in chunks if len(chunk.offsets) > 1]
        self.num_fields = num_fields

    @classmethod
    def open(cls, path: Path) -> Examples:
        """Maps a file written by `write_examples`. Raises DataError where it is none."""
        try:
            return cls._mapped(pa.memory_map(str(path)))
        except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
            raise DataError(f"{path}: cannot read these Examples, delete them to encode anew: {error}") from None

    @classmethod
    def nameless(cls, folder: Path, chunks: Iterator[EncodedChunk], num_fields: int) -> Examples:
        """Written to a file in the folder that has no name, and mapped: its space is free again when the process ends.

        Raises OSError.
        """
        with tempfile.TemporaryFile(dir=folder) as file:
            _write(pa.PythonFile(file, "w"), chunks, num_fields)
            file.flush()
            return cls._mapped(pa.BufferReader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))

    @classmethod
    def _mapped(cls, source: pa.NativeFile) -> Examples:
        file = pa.ipc.open_file(source)
        batches = [file.get_batch(i) for i in range(file.num_record_batches)]
        return cls([_to_chunk(batch) for batch in batches], file.schema.field("bags").type.list_size)

    @property
    def num_rows(self) -> int:
        """How many examples."""
        return sum((len(chunk.offsets) - 1) // self.num_fields for chunk in self.chunks)

    @property
    def num_pairs(self) -> int:
        """How many pairs in all of them."""
        return sum(len(chunk.ids) for chunk in self.chunks)

    @property
    def labels(self) -> Float32s | None:
        """float32 [num_rows], None where the rows were encoded without."""
        parts = [chunk.labels for chunk in self.chunks]
        return None if any(part is None for part in parts) else np.concatenate([*parts, np.zeros(0, np.float32)])

    def store(self, kernels: Kernels) -> ExampleStore:
        """The chunks as the kernels gather from them, without a copy."""
        store = kernels.store(self.num_fields)
        for chunk in self.chunks:
            store.add(chunk.offsets, chunk.ids, chunk.weights, chunk.labels)
        return store


def write_examples(path: Path, chunks: Iterator[EncodedChunk], num_fields: int) -> None:
    """Writes chunks to a file that appears only when it is whole."""
    with whole_file(path) as part, pa.OSFile(str(part), "wb") as sink:
        _write(sink, chunks, num_fields)


def _write(sink: pa.NativeFile, chunks: Iterator[EncodedChunk], num_fields: int) -> None:
    item = pa.list_(pa.struct([("id", pa.int32()), ("weight", pa.float32())]))
    schema = pa.schema([("label", pa.float32()), ("bags", pa.list_(item, num_fields))])
    with pa.ipc.new_file(sink, schema) as writer:
        for chunk in chunks:
            writer.write_batch(_to_batch(chunk, schema))


def _to_batch(chunk: EncodedChunk, schema: pa.Schema) -> pa.RecordBatch:
    rows = (len(chunk.offsets) - 1) // schema.field("bags").type.list_size
    # A null weight column costs one bit a pair and says: all 1.
    weights = pa.array(chunk.weights) if chunk.weights is not None else pa.nulls(len(chunk.ids), pa.float32())
    pairs = pa.StructArray.from_arrays([pa.array(chunk.ids), weights], ["id", "weight"])
    bags = pa.ListArray.from_arrays(pa.array(chunk.offsets), pairs)
    labels = pa.array(chunk.labels) if chunk.labels is not None else pa.nulls(rows, pa.float32())
    return pa.record_batch(
        [labels, pa.FixedSizeListArray.from_arrays(bags, type=schema.field("bags").type)], schema=schema
    )


def _to_chunk(batch: pa.RecordBatch) -> EncodedChunk:
    bags = batch.column("bags").values
    pairs = bags.values
    offsets: Int32s = np.asarray(bags.offsets)
    weights = pairs.field("weight")
    labels = batch.column("label")
    return EncodedChunk(
        offsets=offsets,
        ids=np.asarray(pairs.field("id")),
        weights=np.asarray(weights) if len(weights) == 0 or weights.null_count < len(weights) else None,
        labels=np.asarray(labels) if len(labels) == 0 or labels.null_count < len(labels) else None,
    )
