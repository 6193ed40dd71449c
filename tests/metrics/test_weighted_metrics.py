"""Metrics with example weights and groups: scikit-learn's, rows repeated, and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_rows import MODEST, Arrays, rows
from sklearn import metrics

from manyhot.metrics import GroupAUC, auc, evaluate_logits, gauc, log_loss


def nearly(metrics: dict[str, float | None]) -> dict[str, object]:
    """To 12 digits; undefined is undefined."""
    return {key: value if value is None else pytest.approx(value, rel=1e-12) for key, value in metrics.items()}


@given(rows())
@MODEST
def test_weighted_metrics_are_scikit_learns(arrays: Arrays) -> None:
    labels, logits, weights, _ = arrays
    judged = weights > 0
    if len(set(labels[judged].tolist())) < 2:
        assert auc(labels, logits, weights) is None
    else:
        expected = metrics.roc_auc_score(labels, logits, sample_weight=weights)
        assert auc(labels, logits, weights) == pytest.approx(expected, abs=1e-12)
    if not judged.any():
        assert log_loss(labels, logits, weights) is None
    else:
        probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
        expected = metrics.log_loss(labels, probabilities, labels=[0, 1], sample_weight=weights)
        assert log_loss(labels, logits, weights) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(rows(st.sampled_from((0.0, 1.0, 2.0, 3.0))))
@MODEST
def test_a_whole_weight_is_so_many_rows(arrays: Arrays) -> None:
    labels, logits, weights, groups = arrays
    times = weights.astype(int)
    weighted = evaluate_logits(labels, logits, weights, groups)
    repeated = evaluate_logits(*(np.repeat(a, times) for a in (labels, logits)), None, np.repeat(groups, times))
    assert weighted == nearly(repeated)


@given(rows())
@MODEST
def test_weights_of_1_change_no_bit(arrays: Arrays) -> None:
    labels, logits, weights, groups = arrays
    assert evaluate_logits(labels, logits, np.ones_like(weights), groups) == evaluate_logits(
        labels, logits, None, groups
    )


@given(rows(), st.sampled_from((2.0**-60, 2.0**60)))
@MODEST
def test_the_scale_of_weights_is_nothing(arrays: Arrays, scale: float) -> None:
    labels, logits, weights, groups = arrays
    scaled = evaluate_logits(labels, logits, weights * np.float32(scale), groups)
    assert scaled == nearly(evaluate_logits(labels, logits, weights, groups))


def gauc_by_loops(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> GroupAUC:
    """Over every pair of every group, by the definition."""
    total = shares = 0.0
    num_both = num_one_class = 0
    for group in sorted(set(groups[weights > 0].tolist()) - {0}):
        members = [
            (y, z, w)
            for y, z, w, g in zip(labels.tolist(), logits.tolist(), weights.tolist(), groups.tolist(), strict=True)
            if g == group and w > 0
        ]
        positives, negatives = ([(z, w) for y, z, w in members if y == label] for label in (1, 0))
        if not positives or not negatives:
            num_one_class += 1
            continue
        num_both += 1
        wins = sum(v * w * ((p > n) + 0.5 * (p == n)) for p, v in positives for n, w in negatives)
        share = sum(w for *_, w in members)
        total += share * wins / (sum(v for _, v in positives) * sum(w for _, w in negatives))
        shares += share
    return GroupAUC(total / shares if num_both else None, num_both, num_one_class)


@given(rows())
@MODEST
def test_gauc_is_the_loop_over_groups_and_pairs(arrays: Arrays) -> None:
    labels, logits, weights, groups = arrays
    assert gauc(labels, logits, groups, weights) == pytest.approx(gauc_by_loops(labels, logits, weights, groups))
    ones = np.ones_like(weights)
    assert gauc(labels, logits, groups) == pytest.approx(gauc_by_loops(labels, logits, ones, groups))


@given(rows())
@MODEST
def test_one_group_is_the_auc(arrays: Arrays) -> None:
    labels, logits, weights, groups = arrays
    one = gauc(labels, logits, np.full_like(groups, 7), weights).value
    assert {"auc": one} == nearly({"auc": auc(labels, logits, weights)})


@given(rows(), st.integers(0, 2**32))
@MODEST
def test_gauc_does_not_hear_what_is_added_to_a_group(arrays: Arrays, seed: int) -> None:
    """Each group's logits may move by a number of its own; the plain AUC would change."""
    labels, logits, weights, groups = arrays
    moved = np.round(logits * 64) + 4096 * np.random.default_rng(seed).integers(0, 9, 5)[groups.astype(int)]
    assert gauc(labels, moved, groups, weights) == gauc(labels, np.round(logits * 64), groups, weights)


def test_groups_that_say_nothing_are_counted() -> None:
    labels, logits = np.array([1, 0, 1, 1, 0, 0], np.float32), np.array([2, 1, 0, 0, 5, 9], np.float32)
    groups = np.array([1, 1, 2, 2, 3, 0], np.uint64)
    found = evaluate_logits(labels, logits, None, groups)
    assert (found["gauc"], found["groups"], found["groups_of_one_class"]) == (1.0, 1, 2)
    nobody = evaluate_logits(labels, logits, None, np.zeros(6, np.uint64))
    assert (nobody["gauc"], nobody["groups"], nobody["groups_of_one_class"]) == (None, 0, 0)
    assert gauc(labels[:0], logits[:0], groups[:0]) == (None, 0, 0)


def test_many_rows_are_still_exact() -> None:
    """A group of two rows among millions of others, whose sums it must not drown in."""
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 2, 400_000).astype(np.float32), rng.normal(size=400_000).astype(np.float32)
    groups = rng.integers(1, 5, 400_000).astype(np.uint64)
    groups[:3], labels[:3], logits[:3] = 2**64 - 1, [1, 0, 0], [0, 0, 1]
    expected = sum(
        auc(labels[groups == g], logits[groups == g]) * (groups == g).sum() for g in np.unique(groups)
    ) / len(groups)
    assert gauc(labels, logits, groups).value == pytest.approx(expected, rel=1e-14)
    assert gauc(labels[:3], logits[:3], groups[:3]).value == 0.25
