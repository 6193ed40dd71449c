"""How sure metrics are: percentile intervals of the bootstrap (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._arrays import Floats, Groups, Weights, weights_of
from ._evaluate import Judge

__all__ = ["Interval", "bootstrap_intervals"]


class Interval(NamedTuple):
    """low, high: between them lies the metric of so many of the drawn sets."""

    low: float
    high: float


def bootstrap_intervals(
    labels: Floats,
    logits: Floats,
    example_weights: Floats | None = None,
    groups: Groups | None = None,
    *,
    num_samples: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> dict[str, Interval | None]:
    """For each metric of `evaluate_logits` but ece the middle `level` of its values over `num_samples` sets of as many
    rows, drawn with replacement; None where it is undefined.

    Arrays as there. With groups whole groups are drawn, since rows of one user are not independent; a row of no group
    is a group of its own. Nothing is sorted or copied anew: a set is the rows with whole numbers for weights. Sets in
    which a metric is undefined do not count for it. ECE has no interval: drawing rows twice adds to it, so that all
    drawn sets lie above the truth.
    """
    judge, weights = Judge(labels, logits, groups), weights_of(labels, example_weights)
    draw = _drawer(len(labels), groups, np.random.default_rng(seed))
    drawn = []
    for _ in range(num_samples):
        times = weights * draw()
        drawn.append(judge.metrics(times) | judge.within(times))
    names = [name for name in (drawn[0] if drawn else {}) if not name.startswith("groups")]
    return {name: _middle([metrics[name] for metrics in drawn], level) for name in names}


def _drawer(num_rows: int, groups: Groups | None, rng: np.random.Generator) -> Callable[[], Weights]:
    """What draws a set: how often it holds each row, [N]."""
    unit_of_row = None if groups is None else _units(groups)
    num_units = num_rows if unit_of_row is None else int(unit_of_row.max(initial=-1)) + 1

    def draw() -> Weights:
        times = np.bincount(rng.integers(0, num_units, num_units), minlength=num_units).astype(np.float64)
        return times if unit_of_row is None else times[unit_of_row]

    return draw


def _units(groups: Groups) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Numbers from 0 without gaps: one for each group, and one for each row of none."""
    units = np.empty(len(groups), np.int64)
    alone = groups == 0
    known, units[~alone] = np.unique(groups[~alone], return_inverse=True)
    units[alone] = len(known) + np.arange(alone.sum())
    return units


def _middle(values: list[float | None], level: float) -> Interval | None:
    defined = [value for value in values if value is not None]
    if not defined:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
