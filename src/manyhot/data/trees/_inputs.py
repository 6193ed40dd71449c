"""What trees see of raw rows, and the bags of leaves that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manyhot.kernels import Float32s
from manyhot.schema import GBDT, Schema

from .._bags import Bags, ColumnReader, from_text
from .._batches import SourceBatch
from .._numbers import read_numbers
from .._row_columns import read_keys
from ._forest import Forest

__all__ = ["TreeInputs", "read_inputs", "read_leaves"]

_ZERO = float(np.float32(1e-35))  # what LightGBM takes for 0, in growing and (of dense rows) in walking


class TreeInputs(NamedTuple):
    """numbers float64 [rows, columns], NaN where missing; tokens uint64 [rows, categories]: hashes, 0 where missing."""

    numbers: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.uint64]

    def rows(self, labels: Float32s) -> npt.NDArray[np.uint64]:
        """uint64 [rows, columns + categories + 1], the label last, as trees are grown from."""
        return np.concatenate(
            [self.numbers.view(np.uint64), self.tokens, labels.astype(np.uint64)[:, None]], axis=1, dtype=np.uint64
        )


def read_inputs(gbdt: GBDT, batch: SourceBatch, reasons: dict[int, str]) -> TreeInputs:
    """Of a batch; bad rows go to `reasons`."""
    size = batch.batch.num_rows
    numbers = np.empty((size, len(gbdt.columns)))
    for place, column in enumerate(gbdt.columns):
        reader = ColumnReader(batch.origin, column, reasons=reasons)
        values, present = read_numbers(reader, batch.batch.column(column))
        values[np.abs(values) <= _ZERO] = 0.0  # -0 too: one number has one hash
        numbers[:, place] = np.where(present, values, np.nan)
    tokens = np.empty((size, len(gbdt.categories)), np.uint64)
    for place, column in enumerate(gbdt.categories):
        reader = ColumnReader(batch.origin, column, reasons=reasons)
        tokens[:, place] = read_keys(reader, batch.batch.column(column), "a category of gbdt")
    return TreeInputs(numbers, tokens)


def read_leaves(
    schema: Schema, batch: SourceBatch, forests: Mapping[str, Forest], reasons: dict[int, str]
) -> list[tuple[int, list[Bags]]]:
    """The bags of the fields of leaves, with the place of their field in the schema.

    In each row one pair a tree, in order; the token is tree * leaves + leaf.
    """
    parts: list[tuple[int, list[Bags]]] = []
    for index, field in enumerate(schema.fields):
        if field.gbdt is not None:
            forest = forests[field.name]
            leaves = forest.leaves(forest.inputs(*read_inputs(field.gbdt, batch, reasons)))
            leaves += np.arange(forest.num_trees, dtype=np.int32) * np.int32(field.gbdt.leaves)
            tokens = from_text(pa.array(np.arange(field.gbdt.num_leaves)).cast(pa.large_string()))
            offsets = np.arange(len(leaves) + 1, dtype=np.int32) * np.int32(forest.num_trees)
            parts.append((index, [Bags(tokens, None, offsets, leaves.ravel())]))
    return parts
