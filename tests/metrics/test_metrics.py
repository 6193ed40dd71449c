"""AUC and log loss against scikit-learn and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from manyhot.metrics import auc, evaluate_logits, log_loss

MODEST = settings(max_examples=60, deadline=None)
LOGIT = st.sampled_from((0.0, -0.0, 1.0, -2.0)) | st.floats(-8, 8, width=32)  # ties are common


def rows(min_size: int = 1) -> st.SearchStrategy[list[tuple[int, float]]]:
    return st.lists(st.tuples(st.integers(0, 1), LOGIT), min_size=min_size, max_size=30)


def arrays(pairs: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([y for y, _ in pairs], np.float32), np.array([z for _, z in pairs], np.float32)


@given(rows())
@MODEST
def test_auc_is_scikit_learns(pairs):
    labels, logits = arrays(pairs)
    if len(set(labels.tolist())) == 1:
        assert auc(labels, logits) is None
    else:
        assert auc(labels, logits) == pytest.approx(metrics.roc_auc_score(labels, logits), abs=1e-12)


@given(rows(2))
@MODEST
def test_auc_is_the_chance_that_a_positive_scores_above_a_negative(pairs):
    labels, logits = arrays([(1, 0.5), (0, 0.5), *pairs])
    positives, negatives = logits[labels == 1], logits[labels == 0]
    wins = sum(float(p > n) + 0.5 * float(p == n) for p in positives for n in negatives)
    assert auc(labels, logits) == pytest.approx(wins / (len(positives) * len(negatives)), abs=1e-12)
    assert auc(1 - labels, logits) == pytest.approx(1 - wins / (len(positives) * len(negatives)), abs=1e-12)


@given(rows())
@MODEST
def test_log_loss_is_scikit_learns(pairs):
    labels, logits = arrays(pairs)
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = metrics.log_loss(labels, probabilities, labels=[0, 1])
    assert log_loss(labels, logits) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("label", "logit", "loss"),
    [
        (1, 0.0, math.log(2)),
        (1, -5000.0, 5000.0),
        (0, 5000.0, 5000.0),
        (1, 5000.0, 0.0),
        (0, -5000.0, 0.0),
        (1, 40.0, math.exp(-40)),
    ],
)
def test_log_loss_never_rounds_a_probability(label, logit, loss):
    assert log_loss(np.array([label], np.float32), np.array([logit], np.float32)) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_undefined_and_never_a_half(label):
    labels, logits = np.full(5, label, np.float32), np.arange(5, dtype=np.float32)
    found = evaluate_logits(labels, logits)
    undefined = {"auc", "normalized_entropy", "pr_auc", *(() if label else ("calibration",))}
    assert {name for name, value in found.items() if value is None} == undefined
    assert found["log_loss"] == log_loss(labels, logits)


def test_no_rows_are_undefined():
    nothing = np.zeros(0, np.float32)
    assert set(evaluate_logits(nothing, nothing).values()) == {None}
    assert len(evaluate_logits(nothing, nothing)) == 8
    groups = np.zeros(0, np.uint64)
    assert evaluate_logits(nothing, nothing, None, groups)["groups"] == 0
