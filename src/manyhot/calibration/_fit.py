"""A calibrator from labelled logits, and back from the arrays of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from manyhot.errors import TrainingError

from ._affine import Affine, fit_platt, fit_temperature, least_loss_intercept
from ._isotonic import Isotonic, fit_isotonic

__all__ = ["Calibrator", "calibrator_from_arrays", "check_both_classes", "fit_calibrator", "fit_intercept"]

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


class Calibrator(Protocol):
    """Logits to logits, in an order that is never turned around."""

    def __call__(self, logits: Float32s) -> Float32s:
        """float32 [N] of float32 [N]."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What it is, for a file; `calibrator_from_arrays` reads it."""


_FITS: dict[str, Callable[..., Calibrator]] = {
    "platt": fit_platt,
    "isotonic": fit_isotonic,
    "temperature": fit_temperature,
}


def fit_calibrator(
    method: str, labels: Float32s, logits: Float32s, example_weights: Float32s | None = None
) -> Calibrator:
    """method: "platt", "isotonic" or "temperature". labels {0, 1}, finite logits, example_weights [N].

    Rows of weight 0 are left out; the scale of the weights is nothing. Raises TrainingError where labels are of one
    class only.
    """
    check_both_classes(labels, example_weights)
    return _FITS[method](*_used(labels, logits, example_weights))


def fit_intercept(labels: Float32s, logits: Float32s, example_weights: Float32s | None = None) -> float:
    """What is to be added to the logits for their mean probability to be the rate of the labels; arguments as above.

    Finite for labels of one class, too, of which there is as if one more of either; 0 where every weight is 0."""
    used = _used(labels, logits, example_weights)
    return least_loss_intercept(*used) if len(used[0]) else 0.0


def _used(labels: Float32s, logits: Float32s, example_weights: Float32s | None) -> tuple[Float64s, Float64s, Float64s]:
    """The rows of a weight above 0, and these weights with a mean of 1."""
    weights = np.ones(len(labels)) if example_weights is None else example_weights.astype(np.float64)
    used = weights > 0
    weights = weights[used] / weights[used].mean() if used.any() else weights[used]
    return labels[used].astype(np.float64), logits[used].astype(np.float64), weights


def check_both_classes(labels: Float32s, example_weights: Float32s | None = None) -> None:
    """Raises TrainingError where no calibration can be learned: labels of one class only, rows of weight 0 left out."""
    used = labels if example_weights is None else labels[example_weights > 0]
    if not len(used) or used.min() == used.max():
        raise TrainingError(
            "calibration: valid holds labels of one class only; give it rows of both, or leave calibration out"
        )


def calibrator_from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Calibrator:
    """The reverse of `Calibrator.arrays`. Raises ValueError, KeyError where they are none."""
    if "affine" in arrays:
        slope, intercept = arrays["affine"].tolist()
        return Affine(slope, intercept)
    return Isotonic(arrays["logits"], arrays["probabilities"])
