"""Crossed fields: every combination of one pair of each field, and the tokens of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.kernels import Float32s, Tokens, interleave

from ._bags import Bags, from_text, offsets_of
from ._heaviest import heaviest

__all__ = ["MOST_COMBINATIONS", "Crossed", "in_one_bag"]

MOST_COMBINATIONS = 10_000  # in one example
_PIECE = 2**18  # combinations
_BETWEEN, _ESCAPE = "|", "\\"


def in_one_bag(parts: Sequence[Bags]) -> Bags:
    """The bags of several columns of a field, row by row one after the other."""
    if len(parts) == 1:
        return parts[0]
    tokens = [part.tokens.compact() for part in parts]
    bytes_before = np.cumsum([0, *(len(t.data) for t in tokens)])
    tokens_before = np.cumsum([0, *map(len, tokens)])
    joined = Tokens(
        np.concatenate([t.data for t in tokens]),
        np.concatenate([t.starts + before for t, before in zip(tokens, bytes_before[:-1], strict=True)]),
        np.concatenate([t.lengths for t in tokens]),
    )
    columns = [
        ((_positions(part) + before).astype(np.int32), part.weights, part.offsets, 0)
        for part, before in zip(parts, tokens_before[:-1], strict=True)
    ]
    positions, weights, offsets = interleave(columns, len(parts[0].offsets) - 1)
    told = [part.columns for part in parts if part.columns is not None]  # by all of them, or by none
    return Bags(joined, weights, offsets, positions, columns=np.concatenate(told) if told else None)


class Crossed:
    """Every combination of one pair of each of several bags, row by row; the last bag's pairs run fastest.

    Iterating gives them as Bags, in pieces of some rows each, which are made anew each time: lists crossed with lists
    are many times as long, and all of a batch at once would not fit into memory.

    too_many bool [rows]: a row has more than MOST_COMBINATIONS.
    too_heavy bool [rows]: a product of weights is too large for float32. Such rows have no pairs here.
    """

    def __init__(self, parts: Sequence[Bags], max_pairs: int | None) -> None:
        self._parts, self._max_pairs = parts, max_pairs
        self._sizes = [np.diff(part.offsets) for part in parts]
        with np.errstate(over="ignore"):
            counts = np.prod(np.array(self._sizes, np.float64), axis=0)  # as int64 they could overflow
            self.too_heavy = ~np.isfinite(np.prod([_largest(part) for part in parts], axis=0).astype(np.float32))
        self.too_many: npt.NDArray[np.bool_] = counts > MOST_COMBINATIONS
        self._counts = np.where(self.too_many | self.too_heavy, 0, counts).astype(np.int64)

    def __iter__(self) -> Iterator[Bags]:
        starts = np.cumsum(self._counts) - self._counts
        edges = np.flatnonzero(np.diff(starts // _PIECE)) + 1
        for rows in np.split(np.arange(len(starts)), edges):
            bags = self._combine(rows).without_zero_weights()
            yield bags if self._max_pairs is None else heaviest(bags, self._max_pairs)

    def _combine(self, rows: npt.NDArray[np.int64]) -> Bags:
        """A token is the tokens joined by "|", in which "|" and "\\" have a "\\" before them."""
        counts = self._counts[rows]
        offsets = offsets_of(counts)
        nth = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        rows = np.repeat(rows, counts)
        pairs: list[npt.NDArray[np.integer]] = []
        for part, sizes in zip(reversed(self._parts), reversed(self._sizes), strict=True):
            nth, within = np.divmod(nth, sizes[rows])
            pairs.insert(0, part.offsets[rows] + within)
        texts = [_texts(part.tokens_of(chosen)) for part, chosen in zip(self._parts, pairs, strict=True)]
        joined = pc.binary_join_element_wise(*texts, pa.scalar(_BETWEEN.encode(), pa.large_binary()))
        return Bags(from_text(joined), self._weights(pairs), offsets)

    def _weights(self, pairs: list[npt.NDArray[np.integer]]) -> Float32s | None:
        """Products in float64 in the order of the fields, rounded once at the end."""
        product: npt.NDArray[np.float64] | None = None
        for part, chosen in zip(self._parts, pairs, strict=True):
            if part.weights is not None:
                factor = part.weights[chosen].astype(np.float64)
                product = factor if product is None else product * factor
        return None if product is None else product.astype(np.float32)


def _largest(bags: Bags) -> npt.NDArray[np.float64]:
    """The largest |weight| of each bag, 0 of an empty one."""
    lengths = np.diff(bags.offsets)
    if bags.weights is None:
        return (lengths > 0).astype(np.float64)
    largest = np.zeros(len(lengths))
    filled = lengths > 0
    if filled.any():
        largest[filled] = np.maximum.reduceat(np.abs(bags.weights), bags.offsets[:-1][filled])
    return largest


def _positions(bags: Bags) -> npt.NDArray[np.integer]:
    return np.arange(len(bags.tokens)) if bags.positions is None else bags.positions


def _texts(tokens: Tokens) -> pa.Array:
    """As a large binary array, with what joining needs escaped."""
    tokens = tokens.compact()
    offsets = np.append(tokens.starts, len(tokens.data))
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(tokens), [None, pa.py_buffer(offsets), pa.py_buffer(tokens.data)]
    )
    for special in (_ESCAPE, _BETWEEN):
        if (tokens.data == ord(special)).any():
            texts = pc.replace_substring(texts, special.encode(), f"{_ESCAPE}{special}".encode())
    return texts
