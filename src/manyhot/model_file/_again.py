"""Proof rows scored again, in little memory whatever the model makes of a row.

A table of nulls takes no bytes, and fields of one vocabulary no weights of their own: what a row takes on its way to a
logit is not bounded by what the file holds.
"""

from __future__ import annotations

import numpy as np

from manyhot.data import EncodedChunk, open_source
from manyhot.kernels import Float32s
from manyhot.nn import BATCH_SIZE, MOST_ROW_NUMBERS, RowNumbers

from ._saved import SavedModel

__all__ = ["scored_again"]

_AT_A_TIME = 1 << 22  # numbers, of 4 bytes
# Of all rows together: the 256 that are written, of 2 million numbers each. More takes seconds, and no model that is
# evaluated 4,096 rows at a time has ever room for it.
_MOST_NUMBERS = 1 << 29
_CELLS_AT_A_TIME, _LEAST_ROWS = 1 << 19, 64  # a cell is what a row has of a field; encoding one takes some 50 bytes


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
        lengths = np.diff(chunk.offsets).reshape(-1, num_fields)[:, list(needed.member_fields)].sum(1, dtype=np.int64)
        largest = needed.row + needed.member * int(lengths.max(initial=0))
        total += needed.member * int(lengths.sum())
        check(largest)
        return min(max(_AT_A_TIME // largest, 1), BATCH_SIZE)

    check(needed.row)
    step = max(_CELLS_AT_A_TIME // num_fields, _LEAST_ROWS)
    pieces = (rows.slice(first, step) for first in range(0, rows.num_rows, step))
    return np.concatenate([saved.probabilities(open_source(piece), batch_size) for piece in pieces])
