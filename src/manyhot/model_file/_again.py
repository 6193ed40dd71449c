"""Proof rows, taken and scored again: in little memory, whatever the model makes of a row.

A table of nulls takes no bytes, and fields of one vocabulary no weights of their own: what a row takes on its way to a
logit is not bounded by what the file holds.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from manyhot.data import EncodedChunk, Source, TableLayout, first_rows, open_source
from manyhot.kernels import Float32s
from manyhot.nn import BATCH_SIZE, MOST_ROW_NUMBERS, RowNumbers, check_dense_size

from ._proof import plain_rows
from ._saved import SavedModel

__all__ = ["scored_again", "take_proof"]

_AT_A_TIME = 1 << 22  # numbers, of 4 bytes
# Of all rows together, 256 of 2 million each: more takes seconds. As many rows are taken as have a quarter of it.
_MOST_NUMBERS = 1 << 29
_CELLS_AT_A_TIME, _LEAST_ROWS = 1 << 19, 64  # a cell is what a row has of a field; encoding one takes some 50 bytes


def take_proof(saved: SavedModel, source: Source) -> SavedModel:
    """With the first good rows of the source and their probabilities, which loading checks."""
    table = plain_rows(first_rows(source, saved.encoder))
    layout, num_labels = TableLayout.of(saved.encoder), len(saved.encoder.schema.labels)
    needed = check_dense_size(saved.config, layout, num_labels, most_tensors=2**62, most_numbers=2**62)
    chunks = saved.encoder.encode(open_source(table), with_labels=False)
    together = np.cumsum(np.concatenate([_numbers(chunk, needed, layout.num_fields) for chunk in chunks]))
    num_rows = max(1, int(np.searchsorted(together, _MOST_NUMBERS // 4, "right")))
    table = table.slice(0, num_rows)
    return dataclasses.replace(saved, proof_rows=table, proof_probabilities=saved.probabilities(open_source(table)))


def scored_again(saved: SavedModel, needed: RowNumbers, num_weights: int) -> Float32s:
    """Probabilities of the proof rows, as `SavedModel.probabilities` gives them.

    num_weights: in the file; a model may take as many numbers for a row. Raises ValueError where one takes more than
    this and MOST_ROW_NUMBERS, or all together more than is ever written; DataError.
    """
    rows, num_fields = saved.proof_rows, len(saved.encoder.schema.fields)
    most, most_together = max(MOST_ROW_NUMBERS, num_weights), max(_MOST_NUMBERS, 256 * num_weights)
    total = needed.row * rows.num_rows

    def check(largest: int) -> None:
        if largest > most or total > most_together:
            raise ValueError(
                f"its proof rows take up to {largest:,} numbers each, and {total:,} together, on their way through the "
                f"model; {most:,} and {most_together:,} are the most that any take"
            )

    def batch_size(chunk: EncodedChunk) -> int:
        nonlocal total
        numbers = _numbers(chunk, needed, num_fields)
        largest = int(numbers.max(initial=needed.row))
        total += int((numbers - needed.row).sum())
        check(largest)
        return min(max(_AT_A_TIME // largest, 1), BATCH_SIZE)

    check(needed.row)
    step = max(_CELLS_AT_A_TIME // num_fields, _LEAST_ROWS)
    pieces = (rows.slice(first, step) for first in range(0, rows.num_rows, step))
    return np.concatenate([saved.probabilities(open_source(piece), batch_size) for piece in pieces])


def _numbers(chunk: EncodedChunk, needed: RowNumbers, num_fields: int) -> npt.NDArray[np.int64]:
    """What each row of a chunk takes, int64 [rows]."""
    lengths = np.diff(chunk.offsets).reshape(-1, num_fields)[:, list(needed.member_fields)]
    numbers: npt.NDArray[np.int64] = needed.row + needed.member * lengths.sum(1, dtype=np.int64)
    return numbers
