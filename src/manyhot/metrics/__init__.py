"""How good logits are, exactly: no bins but those of calibration, no samples, float64, weighted everywhere.

Arrays in, numbers out: labels, logits, and maybe example weights, groups and the tokens of a field. What cannot be said
(an AUC of one class) is None, "undefined". A row of weight 2 counts as two rows. numpy alone; definitions are in
docs/semantics.md, section 6. Read `_evaluate.py` first, then `_ranking.py`.
"""

from ._bootstrap import Interval, bootstrap_intervals
from ._curve import CalibrationBin, calibration_curve, expected_calibration_error
from ._evaluate import evaluate_logits
from ._means import accuracy, calibration_ratio, log_loss, normalized_entropy, rmse, sigmoid
from ._ranking import GroupAUC, auc, average_precision, gauc
from ._slices import Slice, evaluate_slices

__all__ = [
    "CalibrationBin",
    "GroupAUC",
    "Interval",
    "Slice",
    "accuracy",
    "auc",
    "average_precision",
    "bootstrap_intervals",
    "calibration_curve",
    "calibration_ratio",
    "evaluate_logits",
    "evaluate_slices",
    "expected_calibration_error",
    "gauc",
    "log_loss",
    "normalized_entropy",
    "rmse",
    "sigmoid",
]
