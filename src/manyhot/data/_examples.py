"""Examples: encoded rows in memory, or memory-mapped from one Arrow IPC file or a folder of them.

On disk a row is {label: float32, bags: fixed_size_list[F] of list<struct<id: int32, weight: float32>>}: Arrow lays that
out as exactly the row-major offsets [rows*F+1], ids [N], weights [N] that the kernels read, and any Arrow tool can open
it. Where every weight of a chunk is 1 the weights are a column of that chunk all the same, unless no chunk has any.
Of T labels `label` is a fixed_size_list<float32>[T], NaN where one is missing. Rows that
have them hold {example_weight: float32, group: uint64} too. The metadata "manyhot" of a record batch is JSON:
the origin of its rows, what max_pairs cut, how many pairs stand for missing values, and a checksum of all that.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from manyhot.errors import DataError
from manyhot.kernels import ExampleStore, Float32s, Int32s, Kernels
from manyhot.storage import read_json, whole_file

from ._bags import Cut
from ._content_sum import content_sum
from ._encoder import EncodedChunk
from ._mapping import Mapping
from ._memory import available_bytes
from ._row_columns import UInt64s

__all__ = ["Examples", "write_examples"]


class Examples:
    """Encoded rows in chunks. num_rows, num_pairs, num_fields; labels, example_weights, groups [num_rows] or None.

    path: what they were read from, None for rows in memory.
    """

    path: Path | None = None

    def __init__(self, chunks: Iterable[EncodedChunk], num_fields: int, mappings: Iterable[Mapping] = ()) -> None:
        self.chunks = [chunk for chunk in chunks if len(chunk.offsets) > 1]
        self.num_fields = num_fields
        self._mappings, self._releases = tuple(mappings), False

    @classmethod
    def open(cls, path: Path) -> Examples:
        """Maps a file written by `write_examples`, or the `part-*.arrow` of a folder in the order of their names.

        Raises DataError where it is none, or where parts differ in their number of fields.
        """
        paths = sorted(path.glob("part-*.arrow")) if path.is_dir() else [path]
        if not paths:
            raise DataError(f"{path}: the folder holds no Examples (part-*.arrow)")
        opened = [cls._of_file(part) for part in paths]
        num_fields = opened[0].num_fields
        for part, examples in zip(paths, opened, strict=True):
            if examples.num_fields != num_fields:
                raise DataError(f"{part}: has {examples.num_fields} fields, the parts before it {num_fields}")
        mappings = (mapping for examples in opened for mapping in examples._mappings)
        whole = cls((chunk for examples in opened for chunk in examples.chunks), num_fields, mappings)
        whole.path = path
        return whole

    @classmethod
    def nameless(cls, folder: Path, chunks: Iterator[EncodedChunk], num_fields: int) -> Examples:
        """Written to a file in the folder that has no name, and mapped: its space is free again when the process ends.

        Raises OSError.
        """
        with tempfile.TemporaryFile(dir=folder) as file:
            _write(pa.PythonFile(file, "w"), chunks, num_fields)
            file.flush()
            return cls._mapped(Mapping(file))

    @classmethod
    def _of_file(cls, path: Path) -> Examples:
        try:
            with path.open("rb") as file:
                return cls._mapped(Mapping(file))
        except (pa.ArrowException, OSError, KeyError, AttributeError, TypeError, ValueError) as error:
            raise DataError(f"{path}: cannot read these Examples, delete them to encode anew: {error}") from None

    @classmethod
    def _mapped(cls, mapping: Mapping) -> Examples:
        file = pa.ipc.open_file(mapping.buffer)
        chunks, num_fields = [], file.schema.field("bags").type.list_size
        last = file.num_record_batches - 1
        for number in range(last):
            batch, metadata = file.get_batch_with_custom_metadata(number)
            chunks.append(_to_chunk(batch, metadata, number, num_fields))
            mapping.release()  # all of it has been read
        if last < 0 or _notes_of(file.get_batch_with_custom_metadata(last)[1]) != {"end": last}:
            raise ValueError("their end is missing")
        return cls(chunks, num_fields, [mapping])

    def kept_within(self, memory_limit: int | None) -> Examples:
        """Themselves, settled on how many mapped pages count as memory of the process; bytes, None for no limit.

        Rows are gathered in random order. Where all of them take no more than the limit and half of the free memory,
        every page is made ready at once: page by page the first pass costs twice as much (docs/performance.md). Where
        there is a limit and they take more, `release` gives pages back.
        """
        size, free = sum(map(len, self._mappings)), available_bytes()
        if (memory_limit is None or size <= memory_limit) and (free is None or size <= free // 2):
            for mapping in self._mappings:
                mapping.fill()
        self._releases = memory_limit is not None and size > memory_limit
        return self

    def fingerprint(self) -> str:
        """Of all that is in the rows, in their order; the same in memory and in files, whatever the chunks. Takes a
        second or so a GB."""
        digests = [hashlib.sha256() for _ in range(6)]
        for chunk in self.chunks:
            weights = np.ones(len(chunk.ids), np.float32) if chunk.weights is None else chunk.weights
            rows = chunk.labels, chunk.example_weights, chunk.groups
            for digest, array in zip(digests, (np.diff(chunk.offsets), chunk.ids, weights, *rows), strict=True):
                digest.update(b"" if array is None else np.ascontiguousarray(array).data)
            self.release()
        return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()

    def release(self) -> None:
        """Gives mapped pages back to the system, where they are to be kept within a limit."""
        if self._releases:
            for mapping in self._mappings:
                mapping.release()

    @property
    def num_rows(self) -> int:
        """How many examples."""
        return sum(_num_rows(chunk, self.num_fields) for chunk in self.chunks)

    @property
    def num_pairs(self) -> int:
        """How many pairs in all of them."""
        return sum(len(chunk.ids) for chunk in self.chunks)

    @property
    def num_labels(self) -> int:
        """T; 1 where the rows were encoded without."""
        shapes = (chunk.labels.shape for chunk in self.chunks if chunk.labels is not None)
        return next((shape[1] for shape in shapes if len(shape) > 1), 1)

    @property
    def labels(self) -> Float32s | None:
        """float32 [num_rows], of several labels [num_rows, T], None where the rows were encoded without."""
        parts = [chunk.labels for chunk in self.chunks if chunk.labels is not None]
        if len(parts) < len(self.chunks):
            return None
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    @property
    def cuts(self) -> dict[str, Cut]:
        """By field, the pairs that max_pairs cut, and how many bags lost some."""
        total: dict[str, Cut] = {}
        for chunk in self.chunks:
            for name, (pairs, bags) in chunk.cuts.items():
                before = total.get(name, (0, 0))
                total[name] = before[0] + pairs, before[1] + bags
        return total

    @property
    def example_weights(self) -> Float32s | None:
        """float32 [num_rows], None where no row was encoded with one."""
        parts = [chunk.example_weights for chunk in self.chunks]
        if all(part is None for part in parts):
            return None
        ones = (np.ones(_num_rows(chunk, self.num_fields), np.float32) for chunk in self.chunks)
        return np.concatenate([one if part is None else part for part, one in zip(parts, ones, strict=True)])

    @property
    def groups(self) -> UInt64s | None:
        """uint64 [num_rows], 0 for rows without; None where the rows were encoded without."""
        parts = [chunk.groups for chunk in self.chunks if chunk.groups is not None]
        return np.concatenate(parts) if parts and len(parts) == len(self.chunks) else None

    def places(self, rows: Sequence[int]) -> list[str]:
        """What is known of where rows, by number from 0, come from: "row 17, which comes from clicks.csv"."""
        firsts = np.cumsum([0, *(_num_rows(chunk, self.num_fields) for chunk in self.chunks)])
        chunks = [self.chunks[np.searchsorted(firsts, row, side="right") - 1] for row in rows]
        return [f"row {row + 1:,} of all, out of {chunk.origin}" for row, chunk in zip(rows, chunks, strict=True)]

    def store(self, kernels: Kernels) -> ExampleStore:
        """The chunks as the kernels gather from them, without a copy."""
        with self.telling_damage():
            store = kernels.store(self.num_fields, self.num_labels)
            for chunk in self.chunks:
                store.add(chunk.offsets, chunk.ids, chunk.weights, chunk.labels, chunk.example_weights)
        return store

    @contextlib.contextmanager
    def telling_damage(self) -> Iterator[None]:
        """What the kernels refuse inside is a DataError where the rows are out of a file, which then is damaged."""
        try:
            yield
        except (ValueError, TypeError) as error:
            if self.path is None:
                raise
            text = str(error).split("\n")[0]
            raise DataError(f"{self.path}: cannot read these Examples, delete them to encode anew: {text}") from None


def write_examples(path: Path, chunks: Iterator[EncodedChunk], num_fields: int) -> None:
    """Writes chunks to a file that appears only when it is whole; all of them with groups, or none, and so on."""
    with whole_file(path) as part, pa.OSFile(str(part), "wb") as sink:
        _write(sink, chunks, num_fields)


def _write(sink: pa.NativeFile, chunks: Iterator[EncodedChunk], num_fields: int) -> None:
    first = next(chunks, None)
    schema = _file_schema(first, num_fields)
    with pa.ipc.new_file(sink, schema) as writer:
        number = 0
        for number, chunk in enumerate(() if first is None else itertools.chain([first], chunks), start=1):
            notes = json.dumps({**_notes(chunk), "sum": _sum(chunk, number - 1)})
            writer.write_batch(_to_batch(chunk, schema), custom_metadata={"manyhot": notes})
        # A batch of no rows says how many there are, as a footer may lose some.
        nothing = pa.RecordBatch.from_pylist([], schema)
        writer.write_batch(nothing, custom_metadata={"manyhot": json.dumps({"end": number})})


def _file_schema(first: EncodedChunk | None, num_fields: int) -> pa.Schema:
    """Columns that most data do not have would cost memory even as nulls, so that only those that do get them."""
    item = pa.list_(pa.struct([("id", pa.int32()), ("weight", pa.float32())]))
    labels = pa.float32()
    if first is not None and first.labels is not None and first.labels.ndim > 1:
        labels = pa.list_(labels, first.labels.shape[1])
    columns = [("label", labels), ("bags", pa.list_(item, num_fields))]
    if first is not None and first.example_weights is not None:
        columns.append(("example_weight", pa.float32()))
    if first is not None and first.groups is not None:
        columns.append(("group", pa.uint64()))
    return pa.schema(columns)


def _num_rows(chunk: EncodedChunk, num_fields: int) -> int:
    return (len(chunk.offsets) - 1) // num_fields


def _to_batch(chunk: EncodedChunk, schema: pa.Schema) -> pa.RecordBatch:
    rows = _num_rows(chunk, schema.field("bags").type.list_size)
    # A null weight column costs one bit a pair and says: all 1.
    weights = pa.array(chunk.weights) if chunk.weights is not None else pa.nulls(len(chunk.ids), pa.float32())
    pairs = pa.StructArray.from_arrays([pa.array(chunk.ids), weights], ["id", "weight"])
    bags = pa.ListArray.from_arrays(pa.array(chunk.offsets), pairs)
    labels = pa.nulls(rows, pa.float32()) if chunk.labels is None else pa.array(chunk.labels.reshape(-1))
    if pa.types.is_fixed_size_list(schema.field("label").type):
        labels = pa.FixedSizeListArray.from_arrays(labels, type=schema.field("label").type)
    columns = [labels, pa.FixedSizeListArray.from_arrays(bags, type=schema.field("bags").type)]
    columns += [pa.array(part) for part in (chunk.example_weights, chunk.groups) if part is not None]
    return pa.record_batch(columns, schema=schema)


def _notes(chunk: EncodedChunk) -> dict[str, Any]:
    return {"origin": chunk.origin, "cuts": chunk.cuts, "missing": chunk.missing}


def _sum(chunk: EncodedChunk, number: int) -> str:
    """What shows whether a chunk is as it was written, and in its place."""
    names = ("offsets", "ids", "weights", "labels", "example_weights", "groups")
    arrays = {name: getattr(chunk, name) for name in names}
    return content_sum(arrays, json.dumps({**_notes(chunk), "number": number}))


def _notes_of(metadata: pa.KeyValueMetadata | None) -> dict[str, Any]:
    notes = read_json((metadata or {})[b"manyhot"])
    if not isinstance(notes, dict):
        raise ValueError("a record batch says nothing of itself")
    return notes


def _to_chunk(
    batch: pa.RecordBatch, metadata: pa.KeyValueMetadata | None, number: int, num_fields: int
) -> EncodedChunk:
    """Raises ValueError, KeyError, TypeError, AttributeError or ArrowInvalid where it is not what was written."""
    notes = _notes_of(metadata)
    batch.validate()  # the lengths that arrays say, against those of their buffers
    bags = batch.column("bags").values
    pairs = bags.values
    offsets: Int32s = np.asarray(bags.offsets)
    weights = pairs.field("weight")
    labels = batch.column("label")
    names = batch.schema.names
    chunk = EncodedChunk(
        offsets=offsets,
        ids=np.asarray(pairs.field("id")),
        weights=np.asarray(weights) if len(weights) == 0 or weights.null_count < len(weights) else None,
        labels=_to_labels(labels) if len(labels) == 0 or labels.null_count < len(labels) else None,
        example_weights=np.asarray(batch.column("example_weight")) if "example_weight" in names else None,
        groups=np.asarray(batch.column("group")) if "group" in names else None,
        cuts={name: (pairs, bags) for name, (pairs, bags) in notes.get("cuts", {}).items()},
        origin=notes.get("origin", ""),
        missing=tuple(notes.get("missing", ())),
    )
    if len(offsets) != batch.num_rows * num_fields + 1 or notes["sum"] != _sum(chunk, number):
        raise ValueError("their contents do not match their checksum")
    return chunk


def _to_labels(column: pa.Array) -> Float32s:
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column)
    return np.asarray(column.flatten()).reshape(-1, column.type.list_size)
