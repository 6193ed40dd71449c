"""Values of a column as texts and numbers, whatever its Arrow type."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.data import decoded

__all__ = ["Float64s", "is_text", "plain", "to_numbers", "to_texts"]

Float64s = npt.NDArray[np.float64]


def plain(array: pa.Array) -> pa.Array:
    """Without dictionary and views, which few of Arrow's functions take. Raises ArrowCapacityError, as `decoded`."""
    if pa.types.is_dictionary(array.type):
        array = decoded(array)
    if pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type):
        array = array.cast(pa.large_binary())
    return array


def is_text(kind: pa.DataType) -> bool:
    """Text or bytes."""
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(check(kind) for check in checks)


def to_texts(array: pa.Array) -> pa.Array | None:
    """Large strings, null for missing values and ""; None for types without a text form. Bad UTF-8 becomes "?"."""
    kind = array.type
    if is_text(kind):
        try:
            texts = array.cast(pa.large_string())
        except pa.ArrowInvalid:
            decoded = [value if value is None else value.decode(errors="replace") for value in array.to_pylist()]
            texts = pa.array(decoded, pa.large_string())
        return pc.if_else(pc.equal(texts, ""), None, texts) if pc.any(pc.equal(texts, "")).as_py() else texts
    if pa.types.is_floating(kind):
        try:
            array = array.cast(pa.int64())  # whole numbers that became floats because some are missing
        except pa.ArrowInvalid:
            return array.cast(pa.large_string())
    simple = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal, pa.types.is_temporal)
    try:
        return array.cast(pa.large_string()) if any(check(kind) for check in simple) else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a time zone that is nowhere; months and days
        return None


def to_numbers(array: pa.Array, texts: pa.Array) -> Float64s | None:
    """The present values as finite numbers, float64 [present], in the order of the rows; None where any is not."""
    kind = array.type
    if pa.types.is_temporal(kind):
        return None
    try:
        if is_text(kind):
            trimmed = pc.utf8_trim_whitespace(texts.drop_null())
            if pc.any(pc.match_substring(trimmed, "_")).as_py():
                return None
            numbers = trimmed.cast(pa.float64())
        else:
            numbers = array.drop_null().cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        return None
    values = np.asarray(numbers).astype(np.float64)
    return values if len(values) and np.isfinite(values).all() else None
