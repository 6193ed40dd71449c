"""Intervals against sets that are really drawn, row by row, and against the formula where there is one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metric_rows import clicks

from manyhot.metrics import Interval, bootstrap_intervals, evaluate_logits


def intervals_by_copies(units: list[np.ndarray], arrays: tuple, num_samples: int, seed: int) -> dict[str, tuple]:
    """Copies the rows of every set, and evaluates the copies. units: the rows that are drawn together."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(num_samples):
        rows = np.concatenate([units[i] for i in rng.integers(0, len(units), len(units))])
        drawn.append(evaluate_logits(*(None if array is None else array[rows] for array in arrays)))
    names = [name for name in drawn[0] if not name.startswith("groups") and name != "ece"]
    return {name: tuple(np.quantile([d[name] for d in drawn], [0.025, 0.975])) for name in names}


def test_rows_are_drawn_where_there_are_no_groups() -> None:
    labels, logits, weights, _ = clicks(150)
    units = [np.array([row]) for row in range(150)]
    for example_weights in (None, weights):
        expected = intervals_by_copies(units, (labels, logits, example_weights, None), 40, 7)
        found = bootstrap_intervals(labels, logits, example_weights, num_samples=40, seed=7)
        assert found.keys() == expected.keys()
        for name, interval in found.items():
            assert interval == pytest.approx(expected[name], rel=1e-9), name


def test_groups_are_drawn_whole_and_rows_of_none_alone() -> None:
    """Two copies of a group are one group of double weight: that changes no AUC within it."""
    labels, logits, weights, groups = clicks(300)
    groups[groups == 1] = 2**64 - 1
    known = sorted(set(groups.tolist()) - {0})
    units = [np.flatnonzero(groups == np.uint64(g)) for g in known]
    units += [np.array([row]) for row in np.flatnonzero(groups == 0)]
    expected = intervals_by_copies(units, (labels, logits, weights, groups), 40, 3)
    found = bootstrap_intervals(labels, logits, weights, groups, num_samples=40, seed=3)
    assert found.keys() == expected.keys() >= {"gauc"}
    for name, interval in found.items():
        assert interval == pytest.approx(expected[name], rel=1e-9), name


def test_rows_that_depend_on_each_other_make_intervals_wider() -> None:
    labels, logits, _, _ = clicks(200)
    groups = np.repeat(np.arange(1, 201), 9).astype(np.uint64)
    copies = np.repeat(labels, 9), np.repeat(logits, 9), None
    by_rows, by_groups = bootstrap_intervals(*copies), bootstrap_intervals(*copies, groups)
    once = bootstrap_intervals(labels, logits)
    for name in ("auc", "log_loss"):
        wide, narrow, true = (found[name].high - found[name].low for found in (by_groups, by_rows, once))
        assert 2 < wide / narrow < 4.5 and 0.7 < wide / true < 1.4


def test_the_width_is_that_of_the_formula() -> None:
    labels, logits, _, _ = clicks(3000)
    rate = evaluate_logits(labels, logits)["accuracy"]
    low, high = bootstrap_intervals(labels, logits, num_samples=400)["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(rate * (1 - rate) / 3000), rel=0.15)
    assert low < rate < high


def test_the_seed_decides() -> None:
    arrays = clicks(200)
    one, same, other = (bootstrap_intervals(*arrays, num_samples=20, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


def test_what_is_undefined_has_no_interval() -> None:
    ones = np.ones(20, np.float32)
    found = bootstrap_intervals(ones, np.arange(20, dtype=np.float32), num_samples=10)
    assert found["auc"] is found["pr_auc"] is found["normalized_entropy"] is None
    assert isinstance(found["log_loss"], Interval)
    one_positive = np.array([1] + [0] * 5, np.float32)  # every third set has none
    assert bootstrap_intervals(one_positive, np.arange(6.0), num_samples=50)["auc"] is not None
