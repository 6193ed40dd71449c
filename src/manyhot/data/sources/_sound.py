"""Record batches of files are looked through before anything follows their offsets: a damaged one would crash."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["check_values", "sound"]

# Nulls of no type have no bytes at all, so that few hundred bytes may claim 2^31 rows. What has a label takes a bit a
# row and a little more, packed or not.
_MANY, _VALUES_PER_BYTE = 1 << 22, 64


def sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, when every offset, length and index in it is one that can be followed; else raises ArrowInvalid.

    Where all that is wrong is text that is not UTF-8, its columns come as binary: the Encoder says which rows are bad.
    Raises UnicodeDecodeError where a name in a type is none.
    """
    for column in batch.schema:
        _read_names(column)
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        columns = [column.view(_with_bytes(column.type)) for column in batch.columns]
        batch = pa.record_batch(columns, names=batch.schema.names)
        batch.validate(full=True)
    return batch


def check_values(batch: pa.RecordBatch, rows_before: int, size: int) -> None:
    """Raises ArrowInvalid where a file of so many bytes holds more values than it could mean."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        found = max(rows_before + len(column), _most_values(column))
        if found > max(_MANY, _VALUES_PER_BYTE * size):
            raise pa.ArrowInvalid(
                f'column "{name}" has {found:,} values in a file of {size:,} bytes; leave the column out of the file'
            )


def _most_values(array: pa.Array) -> int:
    """Of an array and of those within it, the length of the longest."""
    kind = array.type
    if pa.types.is_struct(kind):
        members = [array.field(i) for i in range(kind.num_fields)]
    elif pa.types.is_map(kind):
        members = [array.keys, array.items]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        members = [array.values]
    else:
        members = []
    return max(len(array), *map(_most_values, members), 0)


def _read_names(field: pa.Field) -> None:
    """Its name and those in its type."""
    kind = field.type
    assert isinstance(field.name, str)
    if pa.types.is_struct(kind):
        members = list(kind)
    elif pa.types.is_map(kind):
        members = [kind.key_field, kind.item_field]
    else:
        members = [kind.value_field] if hasattr(kind, "value_field") else []
    for member in members:
        _read_names(member)


def _with_bytes(kind: pa.DataType) -> pa.DataType:
    """The type with bytes for text, laid out alike."""
    plain = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
    if kind in plain:
        return plain[kind]
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _with_bytes(kind.value_type), kind.ordered)
    if pa.types.is_map(kind):
        return pa.map_(_with_bytes(kind.key_type), _with_bytes(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_with_bytes(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_with_bytes(kind.value_type)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_with_bytes(kind.value_type)), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([member.with_type(_with_bytes(member.type)) for member in kind])
    return kind
