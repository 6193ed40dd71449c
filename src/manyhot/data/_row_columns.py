"""What a row says beside its label and fields: its weight, its group, its time."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.kernels import Float32s, hash_tokens
from manyhot.schema import Schema, seconds_of

from ._bags import ColumnReader, decoded, from_text, to_strings
from ._batches import SourceBatch
from ._numbers import read_numbers

__all__ = ["UInt64s", "read_example_weights", "read_keys", "read_row_columns", "read_times"]

UInt64s: TypeAlias = npt.NDArray[np.uint64]
Float64s: TypeAlias = npt.NDArray[np.float64]

_NO_TIME = "is no time; write seconds since 1970, a date, or ISO text like 2014-10-29T13:00:00"


def read_row_columns(
    schema: Schema, batch: SourceBatch, reasons: dict[int, str]
) -> tuple[Float32s | None, UInt64s | None]:
    """Example weights float32 [rows] and groups uint64 [rows]; None for what the schema does not name."""
    weights, groups = schema.example_weights, schema.group
    return (
        None
        if weights is None
        else read_example_weights(ColumnReader(batch.origin, weights, reasons=reasons), batch.batch.column(weights)),
        None
        if groups is None
        else read_keys(ColumnReader(batch.origin, groups, reasons=reasons), batch.batch.column(groups)),
    )


def read_example_weights(reader: ColumnReader, array: pa.Array) -> Float32s:
    """float32 [rows], from 0; a missing or a negative one makes the row bad."""
    values, present = read_numbers(reader, array)
    reader.fail(np.flatnonzero(~present), "(the example weight) is missing")
    reader.fail(np.flatnonzero(values < 0), "(the example weight) is negative")
    return values.astype(np.float32)


def read_keys(reader: ColumnReader, array: pa.Array, what: str = "a key") -> UInt64s:
    """A hash of each row's token, uint64 [rows], the same on every machine; 0 where it is missing.

    Tokens are those of a field over the same column: 7, 7.0 and "7" are one.
    """
    with reader.reading(array):
        strings, bad = to_strings(array)
    if strings is None:
        raise reader.wrong_type(array, f"but {what} must be one text, whole number or date a row")
    reader.fail(bad, "is not UTF-8 text")
    tokens = from_text(strings)
    return np.where(tokens.lengths > 0, hash_tokens(tokens), np.uint64(0))


def read_times(reader: ColumnReader, array: pa.Array) -> Float64s:
    """Seconds since 1970, float64 [rows]; a missing or unreadable one is 0 and makes the row bad.

    Numbers are taken as they are, also where text spells them; what has no zone is UTC.
    """
    with reader.reading(array):
        return _read_times(reader, array)


def _read_times(reader: ColumnReader, array: pa.Array) -> Float64s:
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = decoded(array), kind.value_type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        present = np.asarray(pc.is_valid(array)).astype(bool)
        values = _seconds(array)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values, present = read_numbers(reader, array)
    else:
        strings, bad = to_strings(array)
        if strings is None or pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
            raise reader.wrong_type(array, "but the time must be a number, a timestamp, a date or ISO text")
        reader.fail(bad, "is not UTF-8 text")
        strings = pc.utf8_trim_whitespace(strings)
        present = np.asarray(pc.not_equal(pc.fill_null(strings, ""), "")).astype(bool)
        values = np.zeros(len(array))
        values[present] = _parse(reader, strings.filter(pa.array(present)), np.flatnonzero(present))
    reader.fail(np.flatnonzero(~present), "(the time) is missing")
    return values


def _parse(reader: ColumnReader, strings: pa.Array, rows: npt.NDArray[np.int64]) -> Float64s:
    """Of texts that are there; rows int64: where they stand in the batch."""
    for kind in (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            read = strings.cast(kind)
        except pa.ArrowInvalid:  # one of them is of another kind
            continue
        values = _seconds(read) if pa.types.is_timestamp(kind) else np.asarray(read)
        if np.isfinite(values).all():
            return values
    values = np.zeros(len(strings))
    for i, text in enumerate(strings.to_pylist()):
        try:
            values[i] = seconds_of(text)
        except ValueError:
            reader.fail([int(rows[i])], f"{_NO_TIME}: {text[:60]!r}")
    return values


def _seconds(array: pa.Array) -> Float64s:
    """Of timestamps and dates."""
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("s")) if pa.types.is_date32(array.type) else array.cast(pa.timestamp("ms"))
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    numbers = np.asarray(array.cast(pa.int64()).fill_null(0))
    return numbers / per_second
