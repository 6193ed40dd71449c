"""Examples in blocks of bounded size, and the bags of one field out of a block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from manyhot.data import EncodedChunk, Examples
from manyhot.kernels import Float32s, Int32s

__all__ = ["FieldBags", "blocks", "by_field", "join"]

BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class FieldBags:
    """The bags of one field in some rows: ids int32 [N], weights float32 [N] or None (all 1), lengths int32 [rows]."""

    ids: Int32s
    weights: Float32s | None
    lengths: Int32s

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each pair, int64 [N]."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


def blocks(examples: Examples, most_rows: int | None = None, block_rows: int = BLOCK_ROWS) -> Iterator[EncodedChunk]:
    """The rows in order, at most block_rows at a time. With most_rows about so many of them at most, in blocks spread
    evenly over all rows: neighbours stay together, as rows of one session or one day often must be seen together."""
    fields = examples.num_fields
    spans = [
        (chunk, first, min(first + block_rows, (len(chunk.offsets) - 1) // fields))
        for chunk in examples.chunks
        for first in range(0, (len(chunk.offsets) - 1) // fields, block_rows)
    ]
    if most_rows is not None and most_rows < examples.num_rows:
        wanted = max(1, most_rows * len(spans) // examples.num_rows)
        spans = [spans[i] for i in np.linspace(0, len(spans) - 1, wanted).astype(int)]
    for chunk, first, last in spans:
        offsets = chunk.offsets[first * fields : last * fields + 1]
        pairs = slice(offsets[0], offsets[-1])
        yield replace(
            chunk,
            offsets=offsets - offsets[0],
            ids=chunk.ids[pairs],
            weights=None if chunk.weights is None else chunk.weights[pairs],
            labels=None if chunk.labels is None else chunk.labels[first:last],
            example_weights=None if chunk.example_weights is None else chunk.example_weights[first:last],
            groups=None if chunk.groups is None else chunk.groups[first:last],
            missing=chunk.missing if first == 0 else (),  # of the whole chunk: once
        )


def by_field(block: EncodedChunk, num_fields: int) -> list[FieldBags]:
    """The bags of each field, rows and pairs in their order."""
    lengths = np.diff(block.offsets).reshape(-1, num_fields)
    narrow = np.uint8 if num_fields <= 256 else np.uint16 if num_fields <= 65_536 else np.int64  # sorts by radix
    field_of_pair = np.repeat(np.tile(np.arange(num_fields, dtype=narrow), len(lengths)), lengths.ravel())
    order = np.argsort(field_of_pair, kind="stable")
    stops = np.cumsum(lengths.sum(axis=0))[:-1]
    ids = np.split(block.ids[order], stops)
    weights = [None] * num_fields if block.weights is None else np.split(block.weights[order], stops)
    return [FieldBags(ids[f], weights[f], lengths[:, f]) for f in range(num_fields)]


def join(parts: list[FieldBags]) -> FieldBags:
    """Bags of one field, one after the other."""
    if all(part.weights is None for part in parts):
        weights = None
    else:
        ones = [np.ones(len(part.ids), np.float32) if part.weights is None else part.weights for part in parts]
        weights = np.concatenate(ones)
    return FieldBags(
        np.concatenate([part.ids for part in parts]), weights, np.concatenate([part.lengths for part in parts])
    )
