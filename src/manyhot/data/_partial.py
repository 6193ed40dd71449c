"""Partial fits: what part of the rows taught, as rows that any engine can add up.

A partial row says of a `key` (bytes) of one `name` that it was seen `times` times. Rows of equal kind, name and key may
be made one, with the sum of their times; whatever is left is taken in by `add_partial`, in any order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa

from manyhot.kernels import Tokens

from ._bags import from_text
from ._fit import Fit
from ._moments import Moments
from ._numbers import Summary

__all__ = ["PARTIAL_SCHEMA", "TOKEN", "add_partial", "partial_rows"]

TOKEN = "token"  # name: a vocabulary; key: a token
_VALUE = "value"  # name: a numeric column; key: the 8 bytes of one of its values, of which each distinct one counts
_MOMENTS = "moments"  # name: a numeric column; key: Moments as JSON
PARTIAL_SCHEMA = pa.schema(
    [("kind", pa.string()), ("name", pa.string()), ("key", pa.binary()), ("times", pa.int64())],
)
_ROWS = 1 << 16


def partial_rows(fit: Fit) -> Iterator[pa.RecordBatch]:
    """What a Fit has learned so far, as batches of PARTIAL_SCHEMA."""
    for name, counter in fit.counters.items():
        tokens, times = counter.counted()
        for first in range(0, len(tokens), _ROWS):
            part = slice(first, first + _ROWS)
            yield _rows(TOKEN, name, _to_binary(tokens, part), pa.array(times[part]))
    for place, number in fit.numbers.items():
        name = json.dumps(place)
        if number.learned.moments.count:
            key = msgspec.json.encode(number.learned.moments)
            yield _rows(_MOMENTS, name, pa.array([key]), pa.array([1]))
        values, times = number.learned.distinct.counted()
        for first in range(0, len(values), _ROWS):
            part = slice(first, first + _ROWS)
            data = pa.py_buffer(np.ascontiguousarray(values[part], "<f8"))
            count = len(values[part])
            keys = pa.Array.from_buffers(pa.binary(8), count, [None, data]).cast(pa.binary())
            yield _rows(_VALUE, name, keys, pa.array(times[part]))


def add_partial(fit: Fit, rows: pa.RecordBatch) -> None:
    """Takes in rows that `partial_rows` gave, those of other kinds being left alone."""
    for kind, name in set(zip(rows["kind"].to_pylist(), rows["name"].to_pylist(), strict=True)):
        here = np.equal(np.asarray(rows["kind"]), kind) & np.equal(np.asarray(rows["name"]), name)
        part = rows.filter(pa.array(here))
        times = np.asarray(part["times"].cast(pa.int64()))
        if kind == TOKEN:
            fit.counters[name].count(from_text(part["key"].cast(pa.large_binary())), times)
        elif kind == _VALUE:
            values = np.frombuffer(b"".join(part["key"].to_pylist()), "<f8")
            fit.numbers[_place(name)].learned.distinct.add(values, times)
        elif kind == _MOMENTS:
            for key, count in zip(part["key"].to_pylist(), times.tolist(), strict=True):
                summary = Summary(msgspec.json.decode(key, type=Moments))
                fit.numbers[_place(name)].learned.add(summary, count)


def _place(name: str) -> tuple[str, str]:
    field, column = json.loads(name)
    return field, column


def _rows(kind: str, name: str, keys: pa.Array, times: pa.Array) -> pa.RecordBatch:
    constants = [pa.repeat(pa.scalar(text, pa.string()), len(keys)) for text in (kind, name)]
    return pa.record_batch([*constants, keys, times], schema=PARTIAL_SCHEMA)


def _to_binary(tokens: Tokens, part: slice) -> pa.Array:
    """Tokens that lie one after the other in their buffer, as an Arrow binary array."""
    starts, lengths = tokens.starts[part], tokens.lengths[part]
    ends = np.append(starts, starts[-1] + lengths[-1])
    data = tokens.data[ends[0] : ends[-1]]
    offsets = (ends - ends[0]).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
