"""One argument of a good call, damaged in one of the ways that callers, files and other libraries know."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["damaged", "one_of"]

Array = np.ndarray
EDGES = (-(2**31), -(2**31) + 1, -1000, -2, -1, 0, 1, 2, 3, 7, 11, 12, 13, 1000, 2**30, 2**31 - 2, 2**31 - 1)
WIDE = (*EDGES, -(2**63), 2**31, 2**32, 2**32 + 1, 2**62, 2**63 - 1)
FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-40, 1.0, -3.0, 1e6)
SCALARS = (*WIDE, 2**63, 2**64, -(2**63) - 1, 2**200, None, 1.5, float("nan"), "x", b"x", (), [1])
DTYPES = ("i4", "i8", "i2", "u4", "u1", "u2", "f4", "f8", "f2", ">i4", ">f4", ">i8", "?", "O", "c8", "U3")


def one_of(draw: random.Random, values: Sequence[Any]) -> Any:
    return values[draw.randrange(len(values))]


def damaged(draw: random.Random, value: object, others: list[object]) -> object:
    """A new value; the one given stays as it is. others: arrays of the same call, to lie across."""
    if isinstance(value, np.ndarray):
        change = one_of(draw, NUMBERS if value.size and draw.random() < 0.6 else ARRAYS)
        return change(draw, value, [other for other in others if isinstance(other, np.ndarray)])
    if isinstance(value, bytes):
        return damaged_bytes(draw, value)
    if isinstance(value, float):
        return one_of(draw, FLOATS)
    if isinstance(value, bool) and draw.random() < 0.5:
        return not value
    if isinstance(value, int) and draw.random() < 0.5:
        return value + one_of(draw, (-1, 1))
    return one_of(draw, SCALARS)


def damaged_bytes(draw: random.Random, value: bytes) -> bytes:
    out = bytearray(value)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(out) + 1)
        out[at : at + draw.randrange(3)] = one_of(draw, PIECES)
    return bytes(out[: draw.randrange(len(out) + 1)] if draw.random() < 0.1 else out)


PIECES = [b"", b"\x00", b"\xff", b"\xc3", b":", b",", b"|", b" ", b"\t", b"\n", b"\r", b'"', b"#", b"%", b"'", b"-"]
PIECES += [b"1e999", b"-1e-999", b"nan", b"inf", b"1" * 40, b"0." + b"0" * 40, "é".encode(), b"a" * 300, b"|f:2 "]


# Other numbers at the same places


def patched(draw: random.Random, array: Array, others: list[Array]) -> Array:
    out = array.copy()
    values = FLOATS if array.dtype.kind == "f" else WIDE if array.dtype.itemsize == 8 else EDGES
    for _ in range(draw.randint(1, 3)):
        value = one_of(draw, values)
        out.flat[draw.randrange(out.size)] = value if array.dtype.kind == "f" else np.int64(value).astype(array.dtype)
    return out


def moved(draw: random.Random, array: Array, others: list[Array]) -> Array:
    out = array.copy()
    at = draw.randrange(out.size)
    with np.errstate(all="ignore"):
        out.flat[at] += np.array(one_of(draw, (-1, 1))).astype(out.dtype)
    return out


def swapped(draw: random.Random, array: Array, others: list[Array]) -> Array:
    out = array.copy()
    i, k = draw.randrange(out.size), draw.randrange(out.size)
    out.flat[i], out.flat[k] = out.flat[k], out.flat[i]
    return out


def reversed_(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return array[::-1].copy()


# Other shapes, types and layouts


def shorter(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return array[: draw.randrange(len(array) + 1)].copy()


def longer(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return np.concatenate([array, array[:1] if draw.random() < 0.5 else array])


def narrower(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return array[..., 1:].copy()


def turned(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return np.ascontiguousarray(array.T) if draw.random() < 0.5 else array.T


def retyped(draw: random.Random, array: Array, others: list[Array]) -> Array:
    with np.errstate(all="ignore"):
        return array.astype(one_of(draw, DTYPES))


def strided(draw: random.Random, array: Array, others: list[Array]) -> Array:
    view: Array = np.repeat(array, 2, axis=-1)[..., ::2] if draw.random() < 0.5 else array[::-1]
    return view


def misaligned(draw: random.Random, array: Array, others: list[Array]) -> Array:
    memory = np.zeros(array.nbytes + 16, np.uint8)
    view = memory[draw.randrange(1, 4) :][: array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(draw: random.Random, array: Array, others: list[Array]) -> Array:
    out = array.copy()
    out.flags.writeable = False
    return out


def more_axes(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return array[None] if draw.random() < 0.5 else array[..., None]


def no_axes(draw: random.Random, array: Array, others: list[Array]) -> Array:
    return np.array(0, array.dtype)


def huge(draw: random.Random, array: Array, others: list[Array]) -> Array:
    """More numbers than int32 counts, without the memory."""
    size = one_of(draw, (2**31 - 1, 2**31, 2**33))
    return np.broadcast_to(np.zeros(1, array.dtype), (size, *array.shape[1:]) if array.ndim < 2 else (size, 0))


def empty_and_wide(draw: random.Random, array: Array, others: list[Array]) -> Array:
    """No numbers, but axes whose product overflows."""
    shape = [2**31 - 1, 2**20, 2**11][: array.ndim]
    shape[draw.randrange(array.ndim)] = 0
    return np.empty(shape, array.dtype)


def overlapping(draw: random.Random, array: Array, others: list[Array]) -> Array:
    """Lies in the memory of another argument, where one is long enough."""
    for other in draw.sample(others, len(others)):
        if other.flags.c_contiguous and other.nbytes >= array.nbytes > 0 and other.dtype.kind in "iuf":
            offset = draw.randrange((other.nbytes - array.nbytes) // 8 + 1) * 8
            return other.reshape(-1).view(np.uint8)[offset:][: array.nbytes].view(array.dtype).reshape(array.shape)
    return array


def other_thing(draw: random.Random, array: Array, others: list[Array]) -> object:
    return one_of(draw, (None, array.tolist(), "x", 0, object, others[0]))


Change = Callable[[random.Random, Array, list[Array]], object]
NUMBERS: list[Change] = [patched, patched, patched, moved, swapped, reversed_]
ARRAYS: list[Change] = [shorter, longer, narrower, turned, retyped, strided, misaligned, read_only, more_axes, no_axes]
ARRAYS += [huge, empty_and_wide, overlapping, overlapping, other_thing]
