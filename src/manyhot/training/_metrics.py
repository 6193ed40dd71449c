"""AUC, AUC within groups, and log loss, exact: no bins, no samples, float64; a row of weight 2 counts as two rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["GroupAUC", "auc", "evaluate_logits", "gauc", "log_loss"]

Floats = npt.NDArray[Any]


class GroupAUC(NamedTuple):
    """value: None where no group holds both classes. groups: how many do; groups_of_one_class: how many do not."""

    value: float | None
    groups: int
    groups_of_one_class: int


def auc(labels: Floats, scores: Floats, example_weights: Floats | None = None) -> float | None:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting one half.

    labels {0, 1}, scores and example_weights, all [N]. By midranks (Mann & Whitney 1947). None where only one class is
    there, rows of weight 0 left out.
    """
    (area,), (positive,), (negative,) = _areas(labels, scores, _ones_for_none(labels, example_weights), None)
    return float(area / (positive * negative)) if positive and negative else None


def gauc(labels: Floats, scores: Floats, groups: npt.NDArray[np.uint64], weights: Floats | None = None) -> GroupAUC:
    """The mean of the groups' AUCs, each weighted by its rows (the sum of their example weights).

    labels, scores, weights as for `auc`; groups uint64 [N], 0 for rows of no group, which are left out, as are groups
    of one class (Zhu et al. 2017).
    """
    weights = _ones_for_none(labels, weights)
    judged = (groups != 0) & (weights > 0)
    if not judged.any():
        return GroupAUC(None, 0, 0)
    areas, positives, negatives = _areas(labels[judged], scores[judged], weights[judged], groups[judged])
    both = (positives > 0) & (negatives > 0)
    num_both, shares = int(both.sum()), (positives + negatives)[both]
    if not num_both:
        return GroupAUC(None, 0, len(both))
    value = (areas[both] / (positives[both] * negatives[both]) * shares).sum() / shares.sum()
    return GroupAUC(float(value), num_both, len(both) - num_both)


def _areas(labels: Floats, scores: Floats, weights: Floats, groups: Floats | None) -> tuple[Floats, Floats, Floats]:
    """For each group: over its pairs of a positive and a negative the sum of the products of their weights, halved for
    a tie and 0 where the negative scores higher; the weight of its positives; of its negatives. float64 [groups].

    groups None: all rows are one.
    """
    if not len(labels):
        return np.zeros(1), np.zeros(1), np.zeros(1)
    order = np.argsort(scores, kind="stable") if groups is None else np.lexsort((scores, groups))
    scores, weights, labels = scores[order], weights[order].astype(np.float64), labels[order]
    new_group = np.arange(len(order)) == 0 if groups is None else _starts(groups[order])
    tie_starts = np.flatnonzero(new_group | _starts(scores))
    positives, negatives = (np.add.reduceat(np.where(labels == y, weights, 0.0), tie_starts) for y in (1, 0))
    group_starts = np.flatnonzero(new_group[tie_starts])
    below = np.cumsum(negatives) - negatives
    lengths = np.diff(np.append(group_starts, len(tie_starts)))
    below -= np.repeat(below[group_starts], lengths)
    areas = positives * (below + negatives / 2)
    areas, positives, negatives = (np.add.reduceat(part, group_starts) for part in (areas, positives, negatives))
    return areas, positives, negatives


def _starts(values: Floats) -> npt.NDArray[np.bool_]:
    """Which of the values, at least one, differ from the one before."""
    return np.append(True, values[1:] != values[:-1])


def log_loss(labels: Floats, logits: Floats, example_weights: Floats | None = None) -> float | None:
    """Weighted mean of -log p(label) from logits, [N] each, without ever rounding a probability to 0 or 1.

    None where there are no rows, or none with a weight above 0.
    """
    weights = _ones_for_none(labels, example_weights).astype(np.float64)
    total = weights.sum()
    if not total:
        return None
    z = logits.astype(np.float64)
    return float((weights * (np.logaddexp(0, z) - labels * z)).sum() / total)


def evaluate_logits(
    labels: Floats,
    logits: Floats,
    example_weights: Floats | None = None,
    groups: npt.NDArray[np.uint64] | None = None,
) -> dict[str, float | None]:
    """{"auc": .., "log_loss": ..} and, with groups, {"gauc": .., "groups": .., "groups_of_one_class": ..}; None means
    undefined."""
    metrics = {"auc": auc(labels, logits, example_weights), "log_loss": log_loss(labels, logits, example_weights)}
    if groups is None:
        return metrics
    found = gauc(labels, logits, groups, example_weights)
    return metrics | {"gauc": found.value, "groups": found.groups, "groups_of_one_class": found.groups_of_one_class}


def _ones_for_none(labels: Floats, weights: Floats | None) -> Floats:
    return np.ones(len(labels)) if weights is None else weights
