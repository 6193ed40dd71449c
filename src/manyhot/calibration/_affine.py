"""Platt scaling and temperature: logits times a slope, plus an intercept. By Newton's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Affine", "fit_platt", "fit_temperature", "least_loss_intercept"]

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
_MOST_STEPS = 100
_WIDEST, _HALVINGS = 64.0, 50  # of an intercept and of its interval: to 1e-13
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Affine:
    """slope * logit + intercept. slope: at least 0; 1 / slope is the temperature. Raises ValueError."""

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (0 <= self.slope < np.inf and np.isfinite(self.intercept)):
            raise ValueError(f"an affine calibration of slope {self.slope} and intercept {self.intercept}")

    def __call__(self, logits: Float32s) -> Float32s:
        """float32 [N] of float32 [N]; what is not finite becomes NaN, so that it stays to be seen."""
        z = np.where(np.isfinite(logits), logits.astype(np.float64), np.nan)
        return np.clip(self.slope * z + self.intercept, -_LARGEST, _LARGEST).astype(np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For a file."""
        return {"affine": np.array([self.slope, self.intercept])}


def fit_platt(labels: Float64s, logits: Float64s, weights: Float64s) -> Affine:
    """Slope and intercept of least log loss (Platt 1999).

    labels {0, 1} of both classes, logits, weights above 0 of mean 1, [N]. The targets are Platt's: (n+ + 1) / (n+ + 2)
    for the positives, 1 / (n- + 2) for the negatives, so that logits which part them perfectly leave the slope finite.
    Where the best slope is below 0, which would turn the order around, it is 0 and everybody gets the rate.
    """
    targets = _targets(labels, weights)
    rate = np.average(targets, weights=weights)
    constant = float(np.log(rate) - np.log1p(-rate))
    mean, deviation = float(logits.mean()), float(logits.std())
    if deviation == 0:
        return Affine(1.0, constant - mean)
    design = np.stack([(logits - mean) / deviation, np.ones(len(logits))], axis=1)
    slope, intercept = _least_loss(design, targets, weights, np.array([0.0, constant]))
    if slope <= 0:
        return Affine(0.0, constant)
    return Affine(float(slope / deviation), float(intercept - slope * mean / deviation))


def fit_temperature(labels: Float64s, logits: Float64s, weights: Float64s) -> Affine:
    """The slope of least log loss, without an intercept (Guo et al. 2017); arrays and targets as in `fit_platt`."""
    scale = float(np.sqrt((logits**2).mean()))
    if scale == 0:
        return Affine(1.0, 0.0)
    (slope,) = _least_loss((logits / scale)[:, None], _targets(labels, weights), weights, np.zeros(1))
    return Affine(max(float(slope / scale), 0.0), 0.0)


def least_loss_intercept(labels: Float64s, logits: Float64s, weights: Float64s) -> float:
    """What added to every logit makes the mean probability the mean target, which is also the least log loss; arrays
    and targets as in `fit_platt`, of one class too."""
    targets = _targets(labels, weights)
    rate, low, high = np.average(targets, weights=weights), -_WIDEST, _WIDEST
    for _ in range(_HALVINGS):  # where most logits are far from 0, Newton's steps overshoot
        middle = (low + high) / 2
        mean = np.average(np.exp(-np.logaddexp(0, -(logits + middle))), weights=weights)
        low, high = (low, middle) if mean > rate else (middle, high)
    return (low + high) / 2


def _targets(labels: Float64s, weights: Float64s) -> Float64s:
    positive, negative = float((weights * labels).sum()), float((weights * (1 - labels)).sum())
    return np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))


def _least_loss(design: Float64s, targets: Float64s, weights: Float64s, start: Float64s) -> Float64s:
    """The coefficients [K] of the least log loss on design [N, K]; Newton's steps, halved as long as they climb."""

    def loss(coefficients: Float64s) -> float:
        z = design @ coefficients
        return float((weights * (np.logaddexp(0, z) - targets * z)).sum())

    best, lowest = start, loss(start)
    for _ in range(_MOST_STEPS):
        p = np.exp(-np.logaddexp(0, -(design @ best)))
        gradient = design.T @ (weights * (p - targets))
        curvature = design.T @ (design * (weights * p * (1 - p))[:, None])
        step = np.linalg.solve(curvature, gradient)
        while (found := loss(best - step)) > lowest and np.abs(step).max() > 1e-15:
            step = step / 2
        if found >= lowest:
            break
        best, lowest = best - step, found
    return best
