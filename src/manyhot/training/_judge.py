"""What is done with the weights when the steps are over: the bias and a calibrator fitted on valid, metrics taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyhot.calibration import Calibrator, fit_calibrator
from manyhot.data import Examples
from manyhot.kernels import Float32s
from manyhot.nn import Model
from manyhot.schema import SettledTraining

from ._base_rates import end_at_base_rate
from ._clock import Clock
from ._loop import evaluate, finite_logits

__all__ = ["judged", "labels_of"]


def judged(
    network: Model, training: SettledTraining, parts: Mapping[str, Examples], names: Sequence[str], clock: Clock
) -> tuple[dict[str, Any], Calibrator | None]:
    """The metrics of a `Run`, and the calibrator, if one was asked for. names: of several labels. Raises TrainingError
    where the model scores NaN or infinity."""
    valid, step = parts.get("valid"), clock.steps
    if training.keep_negatives < 1 and training.loss.order_metric is None and valid is not None:
        end_at_base_rate(network, valid, finite_logits(network, valid, step))
    metrics: dict[str, Any] = {}
    calibrator = None
    if training.calibration is not None and valid is not None:
        labels, example_weights = labels_of(valid)
        calibrator = fit_calibrator(training.calibration, labels, finite_logits(network, valid, step), example_weights)
        metrics["valid_uncalibrated"] = evaluate(network, valid, step)
    for name in ("valid", "test"):
        if name in parts:
            metrics[name] = evaluate(network, parts[name], step, names, calibrator)
    metrics |= {
        "examples": clock.examples,
        "seconds": clock.seconds,
        "examples_per_second": clock.examples_per_second,
    }
    return metrics | ({"skipped": clock.skipped} if clock.skipped else {}), calibrator


def labels_of(examples: Examples) -> tuple[Float32s, Float32s | None]:
    """And example weights."""
    labels = examples.labels
    assert labels is not None
    return labels, examples.example_weights
