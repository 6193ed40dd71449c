"""The names of the labels: one, or several that a model learns together."""

from __future__ import annotations

from collections.abc import Iterable

from manyhot.errors import ConfigError, nearest_name

from ._config import first_twice
from ._model import ModelConfig
from ._training import TrainingConfig

__all__ = ["check_labels", "labels_of"]


def labels_of(where: str, label: str | None, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The tuple that `label = "click"` and `labels = ["click", "buy"]` come to; where: what an error sentence calls
    the place. Raises ConfigError unless exactly one of both is given."""
    if label is None and not labels:
        raise ConfigError(f"{where}: label is missing; name the column of 0/1, or several as labels")
    if label is not None and labels not in ((), (label,)):
        raise ConfigError(f"{where}: label and labels are both given; keep one of them")
    names = labels or (label or "",)
    twice = first_twice(names)
    if twice is not None:
        raise ConfigError(f'{where}: labels names "{twice}" twice')
    return names


def check_labels(labels: tuple[str, ...], model: ModelConfig, training: TrainingConfig) -> None:
    """Raises ConfigError where model or training speak of labels that are not there."""
    if model.tasks is not None:
        model.tasks.check(len(labels))
    if len(labels) > 1 and model.custom_heads:
        raise ConfigError(
            f'model: custom_heads: "{model.custom_heads[0]}" is for one label, and labels names {len(labels)}'
        )
    if len(labels) > 1 and training.keep_negatives < 1:
        raise ConfigError(f"training: keep_negatives is for one label, and labels names {len(labels)}; set it to 1")
    if len(labels) > 1 and training.calibration is not None:
        raise ConfigError(f"training: calibration is for one label, and labels names {len(labels)}; leave it out")
    if len(labels) == 1 and training.label_weights:
        raise ConfigError(f'training: label_weights are for several labels, and there is "{labels[0]}" alone')
    _check_known("training: label_weights", training.label_weights or (), labels)
    stopping = training.early_stopping
    if stopping is not None and stopping.label is not None:
        _check_known("training: early_stopping: label", (stopping.label,), labels)


def _check_known(where: str, names: Iterable[str], labels: tuple[str, ...]) -> None:
    for name in names:
        if name not in labels:
            raise ConfigError(f'{where}: there is no label "{name}"{nearest_name(name, labels)}')
