"""What the order of the scores decides: AUC, AUC within groups, average precision. Exact, ties included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._arrays import Floats, Groups, Weights, weights_of

__all__ = ["GroupAUC", "Ranking", "auc", "average_precision", "gauc"]


class GroupAUC(NamedTuple):
    """value: None where no group holds both classes. groups: how many do; groups_of_one_class: how many do not."""

    value: float | None
    groups: int
    groups_of_one_class: int


class Ranking:
    """Rows in the order of their scores: sorted once, judged under any weights.

    labels {0, 1} and scores [N]. groups uint64 [N]: rows are compared within theirs alone, and rows of group 0 (none)
    with nobody; None: with all. order int64: the rows ascending; tie_starts int64: where in it a new score begins.
    """

    def __init__(self, labels: Floats, scores: Floats, groups: Groups | None = None) -> None:
        if groups is None:
            self.order = np.argsort(scores, kind="stable")
            new_group = np.arange(len(scores)) == 0
        else:
            rows = np.flatnonzero(groups)
            self.order = rows[np.lexsort((scores[rows], groups[rows]))]
            new_group = _starts(groups[self.order])
        self._positive = labels[self.order] == 1
        self.tie_starts = np.flatnonzero(new_group | _starts(scores[self.order]))
        self._group_starts = np.flatnonzero(new_group[self.tie_starts])

    def areas(self, weights: Weights) -> tuple[Weights, Weights, Weights]:
        """For each group: over its pairs of a positive and a negative the sum of the products of their weights, halved
        for a tie and 0 where the negative scores higher; the weight of its positives; of its negatives. [groups]."""
        positives, negatives = self._of_ties(weights)
        below = np.cumsum(negatives) - negatives
        lengths = np.diff(np.append(self._group_starts, len(self.tie_starts)))
        below -= np.repeat(below[self._group_starts], lengths)
        areas = positives * (below + negatives / 2)
        areas, positives, negatives = (
            np.add.reduceat(part, self._group_starts) for part in (areas, positives, negatives)
        )
        return areas, positives, negatives

    def auc(self, weights: Weights) -> float | None:
        """Of rows that are one group."""
        area, positive, negative = (part.sum() for part in self.areas(weights))
        return float(area / (positive * negative)) if positive and negative else None

    def gauc(self, weights: Weights) -> GroupAUC:
        """The mean of the groups' AUCs, each weighted by its rows."""
        areas, positives, negatives = self.areas(weights)
        both = (positives > 0) & (negatives > 0)
        num_both, num_one_class = int(both.sum()), int(((positives > 0) ^ (negatives > 0)).sum())
        if not num_both:
            return GroupAUC(None, 0, num_one_class)
        shares = (positives + negatives)[both]
        value = (areas[both] / (positives[both] * negatives[both]) * shares).sum() / shares.sum()
        return GroupAUC(float(value), num_both, num_one_class)

    def average_precision(self, weights: Weights) -> float | None:
        """Of rows that are one group."""
        positives, negatives = (part[::-1] for part in self._of_ties(weights))
        found = np.cumsum(positives)
        taken = found + np.cumsum(negatives)
        if not len(found) or not found[-1] or taken[-1] == found[-1]:
            return None
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        return float((positives * precision).sum() / found[-1])

    def _of_ties(self, weights: Weights) -> tuple[Weights, Weights]:
        """The weight of the positives, and of the negatives, of each score. [ties], ascending within a group."""
        weights = weights[self.order]
        positives = np.add.reduceat(np.where(self._positive, weights, 0.0), self.tie_starts)
        return positives, np.add.reduceat(np.where(self._positive, 0.0, weights), self.tie_starts)


def auc(labels: Floats, scores: Floats, example_weights: Floats | None = None) -> float | None:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting one half.

    labels {0, 1}, scores and example_weights, all [N]. By midranks (Mann & Whitney 1947). None where only one class is
    there, rows of weight 0 left out.
    """
    return Ranking(labels, scores).auc(weights_of(labels, example_weights))


def gauc(labels: Floats, scores: Floats, groups: Groups, weights: Floats | None = None) -> GroupAUC:
    """The mean of the groups' AUCs, each weighted by its rows (the sum of their example weights).

    labels, scores, weights as for `auc`; groups uint64 [N], 0 for rows of no group, which are left out, as are groups
    of one class (Zhu et al. 2017).
    """
    return Ranking(labels, scores, groups).gauc(weights_of(labels, weights))


def average_precision(labels: Floats, scores: Floats, example_weights: Floats | None = None) -> float | None:
    """PR-AUC: the mean over the positives of the precision among rows that score as high or higher; no interpolation.

    labels, scores, example_weights as for `auc`. None where only one class is there.
    """
    return Ranking(labels, scores).average_precision(weights_of(labels, example_weights))


def _starts(values: Floats) -> npt.NDArray[np.bool_]:
    """Which of the values differ from the one before."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]
