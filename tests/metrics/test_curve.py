"""The calibration curve and ECE against loops in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_rows import MODEST, Arrays, clicks, rows

from manyhot.metrics import CalibrationBin, calibration_curve, expected_calibration_error, sigmoid


def curve_by_loops(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, num_bins: int) -> list[CalibrationBin]:
    """By the definition, one score after the other."""
    total, below = sum(map(Fraction, weights.tolist())), Fraction(0)
    members: dict[int, list[tuple[float, float, Fraction]]] = {}
    for score in sorted(set(logits.tolist())):
        of_score = [
            (float(y), float(sigmoid(np.array([z]))[0]), Fraction(w))
            for y, z, w in zip(labels.tolist(), logits.tolist(), weights.tolist(), strict=True)
            if z == score and w > 0
        ]
        mass = sum(w for *_, w in of_score)
        if mass:
            number = int((below + mass / 2) * num_bins / total)
            members.setdefault(number, []).extend(of_score)
        below += mass
    return [
        CalibrationBin(
            len(part),
            float(sum(w for *_, w in part) / total),
            float(sum(float(w) * p for _, p, w in part) / sum(float(w) for *_, w in part)),
            float(sum(float(w) * y for y, _, w in part) / sum(float(w) for *_, w in part)),
        )
        for _, part in sorted(members.items())
    ]


# weights of few bits, so that no rounding decides on which side of a bound the middle of a score lies
@given(rows(st.sampled_from((0.0, 1.0, 2.0, 0.25, 640.0))), st.sampled_from((1, 2, 7, 15)))
@MODEST
def test_the_curve_is_the_loop_over_scores(arrays: Arrays, num_bins: int) -> None:
    labels, logits, weights, _ = arrays
    expected = curve_by_loops(labels, logits, weights, num_bins)
    found = calibration_curve(labels, logits, weights, num_bins)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)
    ece = sum(part.share * abs(part.mean_probability - part.rate) for part in expected) if expected else None
    assert expected_calibration_error(labels, logits, weights, num_bins) == (
        None if ece is None else pytest.approx(ece, abs=1e-12)
    )


@given(rows(), st.randoms(use_true_random=False))
@MODEST
def test_the_order_of_the_rows_is_nothing(arrays: Arrays, random: np.random.Generator) -> None:
    labels, logits, _, _ = arrays
    order = list(range(len(labels)))
    random.shuffle(order)
    found, expected = calibration_curve(labels[order], logits[order]), calibration_curve(labels, logits)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_rows_of_one_score_are_one_bin() -> None:
    labels = np.array([1, 0, 0, 0] * 100, np.float32)
    (only,) = calibration_curve(labels, np.zeros(400, np.float32))
    assert only == CalibrationBin(400, 1.0, 0.5, 0.25)
    assert expected_calibration_error(labels, np.zeros(400, np.float32)) == 0.25


def test_bins_of_many_rows_hold_equal_mass_and_all_of_it() -> None:
    labels, logits, weights, _ = clicks(20_000)
    curve = calibration_curve(labels, logits, weights)
    shares = [part.share for part in curve]
    assert len(curve) == 15 and sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([1 / 15] * 15, abs=1e-3)
    assert sum(part.rows for part in curve) == (weights > 0).sum()
    assert np.all(np.diff([part.mean_probability for part in curve]) > 0)
