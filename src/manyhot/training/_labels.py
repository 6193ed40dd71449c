"""Several labels in training: metrics of each over the rows where it is there, what early stopping sees of them, and
what ESMM asks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.data import Examples
from manyhot.errors import DataError
from manyhot.kernels import Float32s
from manyhot.metrics import evaluate_logits
from manyhot.schema import ModelConfig, Schema

__all__ = ["MetricsOf", "check_conversions", "evaluate_labels", "label_names", "metrics_to_judge"]

Metrics = dict[str, float | None]
MetricsOf = dict[str, Metrics]


def label_names(schema: Schema) -> tuple[str, ...]:
    """Of several labels; none where there is one, whose metrics stand without a name."""
    return schema.labels if len(schema.labels) > 1 else ()


def evaluate_labels(
    names: Sequence[str],
    labels: Float32s,
    logits: Float32s,
    example_weights: Float32s | None = None,
    groups: npt.NDArray[np.uint64] | None = None,
) -> Any:
    """`evaluate_logits` of one label (names empty; labels and logits float32 [N]), or of each label {name: metrics}
    (both [N, T]) over the rows where it is there: not NaN."""
    if not names:
        return evaluate_logits(labels, logits, example_weights, groups)
    metrics: MetricsOf = {}
    for t, name in enumerate(names):
        there = ~np.isnan(labels[:, t])
        metrics[name] = evaluate_logits(
            labels[there, t],
            logits[there, t],
            None if example_weights is None else example_weights[there],
            None if groups is None else groups[there],
        )
    return metrics


def check_conversions(model: ModelConfig, names: Sequence[str], parts: Mapping[str, Examples]) -> None:
    """ESMM's second label is there only where the first is. Raises DataError where rows of any part say otherwise."""
    if model.tasks is None or model.tasks.kind != "esmm":
        return
    click, conversion = names
    for part, examples in parts.items():
        labels = examples.labels
        assert labels is not None
        wrong = int(((labels[:, 0] == 0) & (labels[:, 1] == 1)).sum())
        if wrong:
            raise DataError(
                f'{part}: {wrong:,} rows have {conversion} = 1 and {click} = 0; with model.tasks kind = "esmm" '
                f"{conversion} follows {click}: name the labels in that order, correct the rows, or take another kind"
            )


def metrics_to_judge(metric: str, label: str | None, metrics: MetricsOf) -> Metrics:
    """Of the label that decides; without one the mean of the metric over all labels, undefined where it is for one."""
    if label is not None:
        return metrics[label]
    values = [of_label[metric] for of_label in metrics.values()]
    known = [value for value in values if value is not None]
    return {metric: float(np.mean(known)) if len(known) == len(values) else None}
