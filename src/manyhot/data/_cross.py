"""Crossed fields: every combination of one pair of each field, and the tokens of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.kernels import Tokens, interleave

from ._bags import Bags, from_text, offsets_of

__all__ = ["MOST_COMBINATIONS", "Combinations", "in_one_bag"]

MOST_COMBINATIONS = 10_000  # in one example
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
    return Bags(joined, weights, offsets, positions)


class Combinations:
    """Every combination of one pair of each of several bags, row by row; the last bag's pairs run fastest.

    too_many bool [rows]: a row has more than MOST_COMBINATIONS, and so none here.
    too_heavy bool [rows]: a product of weights is too large for float32, and stands as 1.
    """

    def __init__(self, parts: Sequence[Bags]) -> None:
        self._parts = parts
        sizes = [np.diff(part.offsets) for part in parts]
        counts = np.prod(np.array(sizes, np.float64), axis=0)  # as int64 they could overflow
        self.too_many: npt.NDArray[np.bool_] = counts > MOST_COMBINATIONS
        counts = np.where(self.too_many, 0, counts).astype(np.int64)
        self.offsets = offsets_of(counts)
        rows = np.repeat(np.arange(len(counts)), counts)
        nth = np.arange(len(rows)) - self.offsets[rows]
        pairs = []
        for part, size in zip(reversed(parts), reversed(sizes), strict=True):
            nth, within = np.divmod(nth, size[rows])
            pairs.append(part.offsets[rows] + within)
        self._pairs = pairs[::-1]
        self._weigh(rows)

    def _weigh(self, rows: npt.NDArray[np.int64]) -> None:
        """Products in float64, in the order of the fields, rounded once at the end."""
        self.weights = None
        self.too_heavy = np.zeros(len(self.too_many), np.bool_)
        factors = [p.weights[at] for p, at in zip(self._parts, self._pairs, strict=True) if p.weights is not None]
        if factors:
            product = factors[0].astype(np.float64)
            for factor in factors[1:]:
                product *= factor
            with np.errstate(over="ignore", under="ignore"):
                weights = product.astype(np.float32)
            heavy = ~np.isfinite(weights)
            self.too_heavy[rows[heavy]] = True
            self.weights = np.where(heavy, np.float32(1), weights)

    def bags(self) -> Bags:
        """A token is the tokens joined by "|", in which "|" and "\\" have a "\\" before them."""
        pieces = []
        for part, pairs in zip(self._parts, self._pairs, strict=True):
            at = pairs if part.positions is None else part.positions[pairs]
            pieces.append(_escaped(part.tokens).take(pa.array(at)))
        joined = pc.binary_join_element_wise(*pieces, pa.scalar(_BETWEEN.encode(), pa.large_binary()))
        return Bags(from_text(joined), self.weights, self.offsets).without_zero_weights()


def _positions(bags: Bags) -> npt.NDArray[np.integer]:
    return np.arange(len(bags.tokens)) if bags.positions is None else bags.positions


def _escaped(tokens: Tokens) -> pa.Array:
    """As a large binary array."""
    tokens = tokens.compact()
    offsets = np.append(tokens.starts, len(tokens.data))
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(tokens), [None, pa.py_buffer(offsets), pa.py_buffer(tokens.data)]
    )
    for special in (_ESCAPE, _BETWEEN):
        if (tokens.data == ord(special)).any():
            texts = pc.replace_substring(texts, special.encode(), f"{_ESCAPE}{special}".encode())
    return texts
