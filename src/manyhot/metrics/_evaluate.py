"""All metrics of labelled logits at once; rows are sorted once for all of them."""

from __future__ import annotations

from ._arrays import Floats, Groups, Weights, weights_of
from ._curve import curve_of, error_of
from ._means import Rows
from ._ranking import Ranking

__all__ = ["Judge", "evaluate_logits"]


class Judge:
    """Labels {0, 1} and logits [N], and maybe groups uint64 [N], to be judged under any weights, float64 [N]."""

    def __init__(self, labels: Floats, logits: Floats, groups: Groups | None = None) -> None:
        self._labels, self._rows, self._ranking = labels, Rows(labels, logits), Ranking(labels, logits)
        self._within = None if groups is None else Ranking(labels, logits, groups)

    def metrics(self, weights: Weights) -> dict[str, float | None]:
        """All but ece and those within groups."""
        return {
            "auc": self._ranking.auc(weights),
            **self._rows.means(weights),
            "pr_auc": self._ranking.average_precision(weights),
        }

    def within(self, weights: Weights) -> dict[str, float | None]:
        """gauc, groups, groups_of_one_class; nothing without groups."""
        if self._within is None:
            return {}
        value, groups, of_one_class = self._within.gauc(weights)
        return {"gauc": value, "groups": groups, "groups_of_one_class": of_one_class}

    def ece(self, weights: Weights) -> float | None:
        """Expected calibration error, 15 bins."""
        return error_of(curve_of(self._ranking, self._labels, self._rows.probabilities, weights))


def evaluate_logits(
    labels: Floats, logits: Floats, example_weights: Floats | None = None, groups: Groups | None = None
) -> dict[str, float | None]:
    """auc, log_loss, normalized_entropy, rmse, accuracy, calibration, pr_auc and ece; with groups also gauc, groups and
    groups_of_one_class. None means undefined.

    labels {0, 1}, logits, example_weights [N]; groups uint64 [N], 0 for rows of none.
    """
    weights, judge = weights_of(labels, example_weights), Judge(labels, logits, groups)
    return judge.metrics(weights) | {"ece": judge.ece(weights)} | judge.within(weights)
