"""Metrics of the rows that hold a token, token by token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._arrays import Floats, weights_of
from ._means import sigmoid
from ._ranking import Ranking

__all__ = ["Slice", "evaluate_slices"]


class Slice(NamedTuple):
    """code: what the rows hold; None for the rest. rows, positives: how many of weight above 0. auc, log_loss,
    calibration (mean p / mean label): weighted; None where undefined."""

    code: int | None
    rows: int
    positives: int
    auc: float | None
    log_loss: float | None
    calibration: float | None


def evaluate_slices(
    labels: Floats,
    logits: Floats,
    example_weights: Floats | None,
    rows: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int32],
    top: int,
) -> list[Slice]:
    """The `top` codes of most rows (of as many, the smaller codes), then one Slice of all rows that hold any other.

    labels {0, 1}, logits, example_weights [N]. rows, codes [M]: row rows[i] holds codes[i], each pair once; a row of
    several codes counts in each of their slices, and once in the last.
    """
    weights = weights_of(labels, example_weights)
    judged = weights[rows] > 0
    rows, codes = rows[judged], codes[judged]
    found, of_pair, counts = np.unique(codes, return_inverse=True, return_counts=True)
    ranked = np.lexsort((found, -counts))
    place = np.empty(len(found), np.int64)  # of each code: its slice
    place[ranked] = np.minimum(np.arange(len(ranked)), top)
    of_pair = place[of_pair]
    if len(found) > top:  # a row may hold several of the rest
        of_pair, rows = np.divmod(np.unique(of_pair * len(labels) + rows), len(labels))
    num_slices = min(len(found), top + 1)
    y, z, w = labels[rows].astype(np.float64), logits[rows].astype(np.float64), weights[rows]
    areas, positives, negatives = Ranking(y, z, of_pair.astype(np.uint64) + np.uint64(1)).areas(w)
    losses, masses, hits, likely, num_rows, num_positives = (
        np.bincount(of_pair, values, num_slices)
        for values in (w * (np.logaddexp(0, z) - y * z), w, w * y, w * sigmoid(z), np.ones(len(y)), y)
    )
    return [
        Slice(
            int(found[ranked[i]]) if i < top else None,
            int(num_rows[i]),
            int(num_positives[i]),
            float(areas[i] / (positives[i] * negatives[i])) if positives[i] and negatives[i] else None,
            float(losses[i] / masses[i]),
            float(likely[i] / hits[i]) if hits[i] else None,
        )
        for i in range(num_slices)
    ]
