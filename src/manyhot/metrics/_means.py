"""Metrics that are means over rows: log loss, normalized entropy, RMSE, accuracy, mean p / mean y."""

from __future__ import annotations

import math

import numpy as np

from ._arrays import Floats, Weights, weights_of

__all__ = ["Rows", "accuracy", "calibration_ratio", "log_loss", "normalized_entropy", "rmse", "sigmoid"]


def sigmoid(logits: Floats) -> Weights:
    """Probabilities float64 [N] of logits [N]; no logit overflows."""
    small = np.exp(-np.abs(logits, dtype=np.float64))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


class Rows:
    """What each row costs, computed once, to be averaged under any weights, float64 [N]."""

    def __init__(self, labels: Floats, logits: Floats) -> None:
        z = logits.astype(np.float64)
        self._labels = labels.astype(np.float64)
        self.probabilities = sigmoid(z)
        self._losses = np.logaddexp(0, z) - self._labels * z
        self._squares = (self.probabilities - self._labels) ** 2
        self._right = (z >= 0) == (self._labels == 1)

    def means(self, weights: Weights) -> dict[str, float | None]:
        """log_loss, normalized_entropy, rmse, accuracy, calibration."""
        total = weights.sum()
        if not total:
            return dict.fromkeys(("log_loss", "normalized_entropy", "rmse", "accuracy", "calibration"))
        loss, rate, mean, square, right = (
            float((weights * row).sum() / total)
            for row in (self._losses, self._labels, self.probabilities, self._squares, self._right)
        )
        entropy = -(rate * math.log(rate) + (1 - rate) * math.log1p(-rate)) if 0 < rate < 1 else 0.0
        return {
            "log_loss": loss,
            "normalized_entropy": loss / entropy if entropy else None,
            "rmse": math.sqrt(square),
            "accuracy": right,
            "calibration": mean / rate if rate else None,
        }


def log_loss(labels: Floats, logits: Floats, example_weights: Floats | None = None) -> float | None:
    """Weighted mean of -log p(label) from logits, [N] each, without ever rounding a probability to 0 or 1.

    None where there are no rows, or none with a weight above 0.
    """
    return _mean("log_loss", labels, logits, example_weights)


def normalized_entropy(labels: Floats, logits: Floats, example_weights: Floats | None = None) -> float | None:
    """Log loss divided by the entropy of the labels' rate: 1 for who knows the rate alone (He et al. 2014).

    Arrays as for `log_loss`. None where only one class is there.
    """
    return _mean("normalized_entropy", labels, logits, example_weights)


def rmse(labels: Floats, logits: Floats, example_weights: Floats | None = None) -> float | None:
    """Root of the weighted mean of (p - label)^2, the Brier score. Arrays and None as for `log_loss`."""
    return _mean("rmse", labels, logits, example_weights)


def accuracy(labels: Floats, logits: Floats, example_weights: Floats | None = None) -> float | None:
    """The share of rows on the right side of p = 0.5, which itself says 1. Arrays and None as for `log_loss`."""
    return _mean("accuracy", labels, logits, example_weights)


def calibration_ratio(labels: Floats, logits: Floats, example_weights: Floats | None = None) -> float | None:
    """Mean p / mean label. Arrays as for `log_loss`. None where no label is 1."""
    return _mean("calibration", labels, logits, example_weights)


def _mean(name: str, labels: Floats, logits: Floats, example_weights: Floats | None) -> float | None:
    return Rows(labels, logits).means(weights_of(labels, example_weights))[name]
