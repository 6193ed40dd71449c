"""Normalized entropy, PR-AUC, RMSE, accuracy, calibration: scikit-learn's with sample_weight, or a plain sum."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from metric_rows import MODEST, Arrays, rows
from sklearn import metrics
from sklearn.calibration import calibration_curve as sklearns_curve

from manyhot.metrics import (
    accuracy,
    average_precision,
    calibration_curve,
    calibration_ratio,
    evaluate_logits,
    log_loss,
    normalized_entropy,
    rmse,
    sigmoid,
)


@given(rows())
@MODEST
def test_they_are_scikit_learns(arrays: Arrays) -> None:
    labels, logits, weights, _ = arrays
    found = evaluate_logits(labels, logits, weights)
    used = weights > 0
    if not used.any():
        assert set(found.values()) == {None}
        return
    y, p, w = labels[used], 1 / (1 + np.exp(-logits[used].astype(np.float64))), weights[used].astype(np.float64)
    right = metrics.accuracy_score(y, logits[used] >= 0, sample_weight=w)
    assert found["accuracy"] == pytest.approx(right, abs=1e-12)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, p, sample_weight=w), abs=1e-12)
    rate = np.average(y, weights=w)
    assert found["calibration"] == (pytest.approx(np.average(p, weights=w) / rate) if rate else None)
    if 0 < rate < 1:
        best = metrics.log_loss(y, np.full(len(y), rate), sample_weight=w, labels=[0, 1])
        expected = metrics.log_loss(y, p, sample_weight=w, labels=[0, 1]) / best
        assert found["normalized_entropy"] == pytest.approx(expected, rel=1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            precision = metrics.average_precision_score(y, logits[used], sample_weight=w)
        assert found["pr_auc"] == pytest.approx(precision, abs=1e-12)
    else:
        assert found["normalized_entropy"] is found["pr_auc"] is found["auc"] is None


@given(rows())
@MODEST
def test_each_alone_says_what_all_together_say(arrays: Arrays) -> None:
    labels, logits, weights, _ = arrays
    found = evaluate_logits(labels, logits, weights)
    alone = {
        "log_loss": log_loss,
        "normalized_entropy": normalized_entropy,
        "pr_auc": average_precision,
        "rmse": rmse,
        "accuracy": accuracy,
        "calibration": calibration_ratio,
    }
    assert {name: metric(labels, logits, weights) for name, metric in alone.items()} == {k: found[k] for k in alone}


def test_who_knows_the_rate_alone_has_a_normalized_entropy_of_1() -> None:
    labels = np.array([1, 0, 0, 0], np.float32)
    assert normalized_entropy(labels, np.full(4, math.log(1 / 3))) == pytest.approx(1, rel=1e-12)


def test_a_probability_of_a_half_says_1() -> None:
    assert accuracy(np.array([1, 0], np.float32), np.zeros(2, np.float32)) == 0.5
    assert accuracy(np.array([1.0]), np.array([-0.0])) == 1


def test_no_logit_overflows() -> None:
    assert sigmoid(np.array([-1e4, 0, 1e4], np.float32)).tolist() == [0, 0.5, 1]
    assert evaluate_logits(np.array([1, 0]), np.array([-1e4, 1e4]))["rmse"] == 1


def test_without_ties_the_curve_is_scikit_learns_by_quantiles() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=15 * 40)
    labels = (rng.random(len(logits)) < sigmoid(logits)).astype(np.float64)
    rate, mean = sklearns_curve(labels, sigmoid(logits), n_bins=15, strategy="quantile")
    curve = calibration_curve(labels, logits)
    assert [part.rows for part in curve] == [40] * 15
    np.testing.assert_allclose([part.rate for part in curve], rate, atol=1e-12)
    np.testing.assert_allclose([part.mean_probability for part in curve], mean, atol=1e-12)
