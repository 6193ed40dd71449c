"""AUC and log loss, exact: no bins, no samples, float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["auc", "evaluate_logits", "log_loss"]

Floats = npt.NDArray[Any]


def auc(labels: Floats, scores: Floats) -> float | None:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting one half.

    labels {0, 1} and scores, both [N]. By midranks (Mann & Whitney 1947). None where only one class is there.
    """
    order = np.argsort(scores, kind="stable")
    sorted_scores = scores[order]
    first = np.flatnonzero(np.concatenate([[True], sorted_scores[1:] != sorted_scores[:-1]]))[: len(scores)]
    lengths = np.diff(np.append(first, len(scores)))
    midranks = np.repeat(first + (lengths + 1) / 2, lengths)
    positive = labels[order] == 1
    num_positive = int(positive.sum())
    num_negative = len(scores) - num_positive
    if not num_positive or not num_negative:
        return None
    rank_sum = float(midranks[positive].sum())
    return (rank_sum - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)


def log_loss(labels: Floats, logits: Floats) -> float | None:
    """Mean of -log p(label) from logits, [N] each, without ever rounding a probability to 0 or 1. None for no rows."""
    if not len(labels):
        return None
    z = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0, z) - labels * z))


def evaluate_logits(labels: Floats, logits: Floats) -> dict[str, float | None]:
    """{"auc": .., "log_loss": ..}; None means undefined."""
    return {"auc": auc(labels, logits), "log_loss": log_loss(labels, logits)}
