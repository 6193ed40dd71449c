"""Proof rows to and from bytes: an Arrow IPC stream of plain columns.

pyarrow reads streams of anybody without harm, but not without cost: compressed buffers, views, dictionaries and runs
say in a few bytes what takes gigabytes once it is spelled out. None of them is written, and none read.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["plain_rows", "rows_from_bytes", "rows_to_bytes"]

_MOST_ROWS = 1024
_MOST_COLUMNS = 100_000


def plain_rows(table: pa.Table) -> pa.Table:
    """The same values in columns without dictionaries, views, runs and extensions; without metadata."""
    kinds = [_plain(kind) for kind in table.schema.types]
    columns = [c if c.type == kind else _cast(c, kind) for c, kind in zip(table.columns, kinds, strict=True)]
    return pa.Table.from_arrays(columns, table.column_names)


def rows_to_bytes(table: pa.Table) -> npt.NDArray[np.uint8]:
    """uint8 [bytes]."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return np.frombuffer(sink.getvalue(), np.uint8)


def rows_from_bytes(data: npt.NDArray[Any]) -> pa.Table:
    """The reverse, of bytes from anybody. Raises ValueError."""
    try:
        return _checked(data)
    except (pa.ArrowException, OSError) as error:  # OSError: it ends too soon
        raise ValueError(f"proof.rows are damaged: {error}") from None


def _checked(data: npt.NDArray[Any]) -> pa.Table:
    if data.dtype != np.uint8 or data.ndim != 1:
        raise ValueError("proof.rows are no bytes")
    stream = pa.py_buffer(data)
    _refuse_compression(stream)
    with pa.ipc.open_stream(stream) as reader:
        if len(reader.schema) > _MOST_COLUMNS or any(not _is_plain(field.type) for field in reader.schema):
            raise ValueError("proof.rows have columns of a type that is never written")
        if reader.schema.metadata or any(field.metadata for field in reader.schema):
            raise ValueError("proof.rows have metadata, which are never written")
        table = reader.read_all()
    if not 1 <= table.num_rows <= _MOST_ROWS:
        raise ValueError(f"{table.num_rows:,} proof rows are none, or more than {_MOST_ROWS:,}")
    table.validate(full=True)
    # Nulls take no bytes, and neither does how many of them a list holds.
    values = sum(_num_values(chunk) for column in table.columns for chunk in column.chunks)
    if values > 8 * len(data) + table.num_rows * table.num_columns:
        raise ValueError(f"proof.rows hold {values:,} values in {len(data):,} bytes")
    return table


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type that spells out the values of another."""
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([kind.field(i).with_type(_plain(kind.field(i).type)) for i in range(kind.num_fields)])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _plain(kind.value_type)
        return pa.list_(inner) if pa.types.is_list(kind) else pa.large_list(inner)
    return kind


def _is_plain(kind: pa.DataType) -> bool:
    """Whether it is of a type that is written, and all below it. No field is read from unions and lists of views."""
    types = pa.types
    if types.is_union(kind) or types.is_list_view(kind) or types.is_large_list_view(kind):
        return False
    inner = [kind.field(i).type for i in range(kind.num_fields)]
    return bool(_plain(kind).equals(kind)) and all(map(_is_plain, inner))


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.chunked_array([pa.array(column.to_pylist(), kind)])  # at most 256 rows


def _num_values(array: pa.Array) -> int:
    """Of an array and all below it."""
    kind, count = array.type, len(array)
    if pa.types.is_struct(kind):
        return count + sum(_num_values(array.field(i)) for i in range(kind.num_fields))
    if pa.types.is_map(kind):
        return count + _num_values(array.keys) + _num_values(array.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return count + _num_values(array.values)
    return count


def _refuse_compression(stream: pa.Buffer) -> None:
    """Raises ValueError where a message has compressed buffers, whose sizes only their own first bytes tell."""
    try:
        for message in pa.ipc.MessageReader.open_stream(stream):
            if message.type == "dictionary":
                raise ValueError("proof.rows have dictionaries, which are never written")
            if message.type == "record batch" and _is_compressed(message.metadata.to_pybytes()):
                raise ValueError("proof.rows are compressed, which is never written")
    except (struct.error, IndexError):
        raise ValueError("proof.rows hold a message that cannot be followed") from None


def _is_compressed(message: bytes) -> bool:
    """Whether the flatbuffer of a Message, which Arrow has verified, has a RecordBatch with `compression`."""
    (root,) = struct.unpack_from("<I", message)
    header = _member(message, root, 2)
    if header is None:
        raise IndexError
    return _member(message, header + struct.unpack_from("<I", message, header)[0], 3) is not None


def _member(message: bytes, table: int, number: int) -> int | None:
    """Where the field of this number of a table lies; None where it is not there."""
    vtable = table - struct.unpack_from("<i", message, table)[0]
    size: int = struct.unpack_from("<H", message, vtable)[0]
    if 4 + 2 * number >= size:
        return None
    offset: int = struct.unpack_from("<H", message, vtable + 4 + 2 * number)[0]
    return table + offset if offset else None
