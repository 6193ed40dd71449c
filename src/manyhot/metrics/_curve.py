"""Whether probabilities mean what they say: the calibration curve, and the expected calibration error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._arrays import Floats, Weights, weights_of
from ._means import sigmoid
from ._ranking import Ranking

__all__ = ["NUM_BINS", "CalibrationBin", "calibration_curve", "curve_of", "error_of", "expected_calibration_error"]

NUM_BINS = 15


class CalibrationBin(NamedTuple):
    """rows: those of weight above 0; share of all weight; weighted means of p and of the label."""

    rows: int
    share: float
    mean_probability: float
    rate: float


def calibration_curve(
    labels: Floats, logits: Floats, example_weights: Floats | None = None, num_bins: int = NUM_BINS
) -> list[CalibrationBin]:
    """Bins of equal mass in the order of the scores; empty ones are left out.

    labels {0, 1}, logits, example_weights [N]. Rows of one score stay together: all go where the middle of their mass
    lies, so that neither the order of the rows nor ties decide anything, and a bin may hold more or less than its part.
    """
    weights, ranking = weights_of(labels, example_weights), Ranking(labels, logits)
    return curve_of(ranking, labels, sigmoid(logits), weights, num_bins)


def expected_calibration_error(
    labels: Floats, logits: Floats, example_weights: Floats | None = None, num_bins: int = NUM_BINS
) -> float | None:
    """ECE: the mean of |mean p - rate| over the bins of `calibration_curve`, each weighted by its mass.

    None where there are no rows, or none with a weight above 0. Even of exact probabilities it is above 0, by chance,
    the more so the fewer the rows (Nguyen & O'Connor 2015; Roelofs et al. 2022).
    """
    return error_of(calibration_curve(labels, logits, example_weights, num_bins))


def curve_of(
    ranking: Ranking, labels: Floats, probabilities: Floats, weights: Weights, num_bins: int = NUM_BINS
) -> list[CalibrationBin]:
    """The curve of rows that are sorted already."""
    weights = weights[ranking.order]
    total = weights.sum()
    if not total:
        return []
    of_tie = np.add.reduceat(weights, ranking.tie_starts)
    middle = np.cumsum(of_tie) - of_tie / 2
    bin_of_tie = np.minimum(middle * num_bins / total, num_bins - 1).astype(np.int64)
    of_row = np.repeat(bin_of_tie, np.diff(np.append(ranking.tie_starts, len(weights))))
    sums = [
        np.bincount(of_row, values, num_bins)
        for values in (
            weights > 0,
            weights,
            weights * probabilities[ranking.order],
            weights * labels[ranking.order],
        )
    ]
    return [
        CalibrationBin(int(rows), float(mass / total), float(p / mass), float(y / mass))
        for rows, mass, p, y in zip(*sums, strict=True)
        if mass > 0
    ]


def error_of(curve: list[CalibrationBin]) -> float | None:
    """The ECE of a curve."""
    return sum(part.share * abs(part.mean_probability - part.rate) for part in curve) if curve else None
