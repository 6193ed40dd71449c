"""Platt, temperature and isotonic against scikit-learn, against their definitions, and what all three must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from manyhot.calibration import Affine, Isotonic, calibrator_from_arrays, fit_calibrator, fit_intercept
from manyhot.errors import TrainingError

METHODS = ("platt", "isotonic", "temperature")
MODEST = settings(max_examples=50, deadline=None)
LOGIT = st.sampled_from((0.0, 1.0, -2.0)) | st.floats(-8, 8, width=32)
WEIGHT = st.sampled_from((0.0, 1.0, 2.0, 0.25)) | st.floats(2.0**-10, 2.0**10, width=32)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def rows(draw: st.DrawFn) -> Arrays:
    """labels of both classes, logits, example weights."""
    drawn = draw(st.lists(st.tuples(st.integers(0, 1), LOGIT, WEIGHT), max_size=30))
    drawn += [(label, draw(LOGIT), draw(st.sampled_from((0.5, 1.0, 8.0)))) for label in (0, 1)]
    return tuple(np.array(column, np.float32) for column in zip(*drawn, strict=True))


def overconfident(num_rows: int = 4000, seed: int = 0) -> Arrays:
    """Logits three times too large, and shifted."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-1, 1, num_rows)
    labels = rng.random(num_rows) < 1 / (1 + np.exp(-true))
    weights = rng.choice([0, 0.5, 1, 2], num_rows)
    return labels.astype(np.float32), (3 * true + 1).astype(np.float32), weights.astype(np.float32)


def platts_targets(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weights = weights / weights[weights > 0].mean()
    positive, negative = weights[labels == 1].sum(), weights[labels == 0].sum()
    return np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))


@pytest.mark.parametrize("weighted", [False, True])
def test_platt_is_scikit_learns_logistic_regression_on_platts_targets(weighted: bool) -> None:
    """A target t is a positive of weight t and a negative of weight 1 - t."""
    labels, logits, weights = overconfident()
    w = weights.astype(float) if weighted else np.ones(len(labels))
    targets = platts_targets(labels, w)
    both = np.repeat([1, 0], len(labels)), np.tile(logits, 2)[:, None].astype(float)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(both[1], both[0], sample_weight=np.concatenate([w * targets, w * (1 - targets)]))
    found = fit_calibrator("platt", labels, logits, weights if weighted else None)
    assert isinstance(found, Affine)
    assert found.slope == pytest.approx(model.coef_[0, 0], rel=1e-5)
    assert found.intercept == pytest.approx(model.intercept_[0], rel=1e-5)
    assert found.slope == pytest.approx(1 / 3, rel=0.1) and found.intercept == pytest.approx(-1 / 3, abs=0.1)


def test_temperature_is_the_least_log_loss() -> None:
    labels, logits, weights = overconfident()
    targets, z, w = platts_targets(labels, weights.astype(float)), logits.astype(float), weights.astype(float)
    least = minimize_scalar(lambda s: (w * (np.logaddexp(0, s * z) - targets * s * z)).sum(), (0.1, 1), tol=1e-12)
    found = fit_calibrator("temperature", labels, logits, weights)
    assert isinstance(found, Affine)
    assert (found.slope, found.intercept) == (pytest.approx(least.x, rel=1e-6), 0.0)


def isotonic_by_definition(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray) -> dict[float, float]:
    """At each score the largest over starts of the least over ends of the mean in between (the min-max formula)."""
    scores = sorted({z for z, w in zip(logits.tolist(), weights.tolist(), strict=True) if w > 0})
    masses = [weights[logits == np.float32(z)].astype(float).sum() for z in scores]
    hits = [(weights * labels)[logits == np.float32(z)].astype(float).sum() for z in scores]

    def mean(a: int, b: int) -> float:
        return sum(hits[a : b + 1]) / sum(masses[a : b + 1])

    return {z: max(min(mean(a, b) for b in range(i, len(scores))) for a in range(i + 1)) for i, z in enumerate(scores)}


@given(rows())
@MODEST
def test_isotonic_is_the_min_max_formula_and_scikit_learns(arrays: Arrays) -> None:
    labels, logits, weights = arrays
    logits = np.round(logits * 64) / 64  # scikit-learn takes scores that nearly tie for ties
    expected = isotonic_by_definition(labels, logits, weights)
    found = fit_calibrator("isotonic", labels, logits, weights)
    scores = np.array(list(expected), np.float32)
    p = 1 / (1 + np.exp(-found(scores).astype(float)))
    values = np.array(list(expected.values()))
    inside = (values > 1e-12) & (values < 1 - 1e-12)
    np.testing.assert_allclose(p[inside], values[inside], rtol=1e-5, atol=1e-9)
    used = weights > 0
    theirs = IsotonicRegression(out_of_bounds="clip").fit(logits[used], labels[used], sample_weight=weights[used])
    np.testing.assert_allclose(values, theirs.predict(scores), atol=1e-5)
    # between the scores straight lines, but where an end has moved away from 0 or 1
    between = np.linspace(-9, 9, 61, dtype=np.float32)
    above = np.minimum(np.searchsorted(scores, between), len(scores) - 1)
    below = np.maximum(np.searchsorted(scores, between, "right") - 1, 0)
    lines = inside[above] & inside[below]
    p = 1 / (1 + np.exp(-found(between).astype(float)))
    np.testing.assert_allclose(p[lines], theirs.predict(between)[lines], rtol=1e-4, atol=1e-5)


def test_ends_of_one_class_follow_laplace_and_never_pass_their_neighbours() -> None:
    def fitted(labels: list[int]) -> list[float]:
        found = fit_calibrator("isotonic", np.array(labels, np.float32), np.arange(len(labels), dtype=np.float32))
        return (1 / (1 + np.exp(-found(np.arange(len(labels), dtype=np.float32)).astype(float)))).tolist()

    zeros, mixed, ones = [0] * 8, [1, 0], [1] * 3
    expected = [0.1] * 8 + [0.5] * 2 + [0.8] * 3
    assert fitted(zeros + mixed + ones) == pytest.approx(expected, rel=1e-5)
    rare = [0] + [1] + [0] * 9 + [1, 0]  # one zero alone would get 1 / 3, its neighbour is at 1 / 10
    assert fitted(rare) == pytest.approx([0.1] * 11 + [0.5] * 2, rel=1e-5)
    assert fitted([0, 0, 1, 1]) == pytest.approx([0.25] * 2 + [0.75] * 2, rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
@given(arrays=rows(), more=st.lists(LOGIT | st.floats(-1000, 1000, width=32), min_size=1))
@MODEST
def test_no_order_is_turned_around_and_no_probability_is_0_or_1(method: str, arrays: Arrays, more: list[float]) -> None:
    calibrate = fit_calibrator(method, *arrays)
    logits = np.sort(np.concatenate([np.array(more, np.float32), arrays[1]]))
    calibrated = calibrate(logits)
    assert calibrated.dtype == np.float32
    assert np.isfinite(calibrated).all() and (np.diff(calibrated) >= 0).all()
    if method == "isotonic":
        p = 1 / (1 + np.exp(-calibrated.astype(float)))
        assert p[0] > 0 and p[-1] < 1
        used = arrays[1][arrays[2] > 0]
        assert (
            calibrate(np.array([-1e6, 1e6], np.float32)).tolist()
            == calibrate(np.array([used.min(), used.max()])).tolist()
        )


@pytest.mark.parametrize("method", METHODS)
def test_it_mends_logits_that_are_too_large(method: str) -> None:
    """On other rows than those that fitted it."""

    def loss(labels: np.ndarray, logits: np.ndarray) -> float:
        return float((np.logaddexp(0, logits) - labels * logits).mean())

    calibrate = fit_calibrator(method, *overconfident(seed=1))
    labels, logits, _ = overconfident(seed=2)
    best = loss(labels, (logits - 1) / 3)
    assert loss(labels, logits) > best + 0.1
    assert loss(labels, calibrate(logits)) < best + (0.04 if method == "temperature" else 0.01)


@pytest.mark.parametrize("method", METHODS)
def test_the_scale_of_weights_is_nothing_and_rows_of_weight_0_are_not_there(method: str) -> None:
    labels, logits, weights = overconfident(300)
    used = weights > 0
    expected = fit_calibrator(method, labels[used], logits[used], weights[used])(logits)
    for scale in (1, 2.0**-60, 2.0**60):
        scaled = fit_calibrator(method, labels, logits, weights * np.float32(scale))
        np.testing.assert_allclose(scaled(logits), expected, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_logits_that_say_the_opposite_make_all_scores_equal(method: str) -> None:
    labels, logits, weights = overconfident(500)
    calibrated = fit_calibrator(method, 1 - labels, logits, weights)(logits)
    if method != "isotonic":  # which finds a few rows at the ends that happen to be right
        assert np.ptp(calibrated) == 0
    assert np.ptp(calibrated) < np.ptp(logits) / 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("logits", [[2, 2, 2], [0, 0, 0], [-50, 60, 70], [0, 0, 1e-30], [-1e-40, 1e-40, 1]])
def test_logits_without_a_shape_of_their_own_are_borne(method: str, logits: list[float]) -> None:
    found = fit_calibrator(method, np.array([0, 1, 1], np.float32), np.array(logits, np.float32))
    assert np.isfinite(found(np.array([*logits, -1e38, 1e38], np.float32))).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_finite_stays_so(method: str) -> None:
    found = fit_calibrator(method, *overconfident(100))(np.array([np.nan, np.inf, -np.inf], np.float32))
    assert not np.isfinite(found).any()


@pytest.mark.parametrize("method", METHODS)
def test_arrays_bring_it_back_to_the_bit(method: str) -> None:
    labels, logits, weights = overconfident(300)
    found = fit_calibrator(method, labels, logits, weights)
    assert calibrator_from_arrays(found.arrays())(logits).tobytes() == found(logits).tobytes()


@pytest.mark.parametrize("labels", [[1, 1], [0, 0], [0, 1]])
def test_one_class_is_refused(labels: list[int]) -> None:
    weights = np.array([1, 0], np.float32)  # of [0, 1] only the 0 counts
    with pytest.raises(TrainingError, match="one class only; give it rows of both"):
        fit_calibrator("platt", np.array(labels, np.float32), np.zeros(2, np.float32), weights)


@pytest.mark.parametrize(
    "arrays",
    [
        {"affine": np.array([-1.0, 0.0])},
        {"affine": np.array([np.nan, 0.0])},
        {"affine": np.array([1.0])},
        {"logits": np.array([0.0, 1.0]), "probabilities": np.array([0.5])},
        {"logits": np.array([0.0, 0.0]), "probabilities": np.array([0.5, 0.5])},
        {"logits": np.array([0.0, 1.0]), "probabilities": np.array([0.5, 0.25])},
        {"logits": np.array([0.0, 1.0]), "probabilities": np.array([0.5, 1.0])},
        {"logits": np.array([0.0, 1.0]), "probabilities": np.array([0.0, 0.5])},
        {"logits": np.array([0.0, 1.0], np.float32), "probabilities": np.array([0.1, 0.5])},
        {"logits": np.zeros(0), "probabilities": np.zeros(0)},
    ],
)
def test_arrays_that_are_no_calibration_are_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError):
        calibrator_from_arrays(arrays)


def test_blocks_are_kept_by_their_ends_alone() -> None:
    labels, logits, weights = overconfident()
    found = fit_calibrator("isotonic", labels, logits, weights)
    assert isinstance(found, Isotonic)
    assert len(found.logits) <= 2 * len(np.unique(found.probabilities)) < 200


@MODEST
@given(rows(), st.sampled_from(("given", "none", "all 0")))
def test_the_intercept_makes_the_mean_probability_the_mean_target(rows: Arrays, kind: str) -> None:
    labels, logits, weights = rows
    if kind == "all 0":
        assert fit_intercept(labels, logits, np.zeros_like(weights)) == 0
        return
    w = weights.astype(float) if kind == "given" else np.ones(len(labels))
    shift = fit_intercept(labels, logits, weights if kind == "given" else None)
    used = w > 0
    probabilities = 1 / (1 + np.exp(-(logits[used].astype(float) + shift)))
    rate = np.average(platts_targets(labels, w)[used], weights=w[used])
    assert np.average(probabilities, weights=w[used]) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("label", [0, 1])
def test_an_intercept_for_labels_of_one_class_is_finite(label: int) -> None:
    shift = fit_intercept(np.full(8, label, np.float32), np.zeros(8, np.float32))
    assert 1 / (1 + np.exp(-shift)) == pytest.approx(0.9 if label else 0.1)
