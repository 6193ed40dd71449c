"""Calibration: what is learned on valid to make probabilities mean what they say. Logits in, logits out.

A calibrator never turns the order of two scores around; it may make them equal. It is plain arrays, so that a model
file can hold it. numpy alone. Read `_fit.py` first.
"""

from ._affine import Affine
from ._fit import Calibrator, calibrator_from_arrays, check_both_classes, fit_calibrator, fit_intercept
from ._isotonic import Isotonic

__all__ = [
    "Affine",
    "Calibrator",
    "Isotonic",
    "calibrator_from_arrays",
    "check_both_classes",
    "fit_calibrator",
    "fit_intercept",
]
