"""The best weights so far, and when to stop looking for better ones."""

from __future__ import annotations

import copy
from typing import Any

from manyhot.errors import TrainingError
from manyhot.kernels import Float32s
from manyhot.nn import Model
from manyhot.schema import EarlyStopping

__all__ = ["BestWeights", "Record"]


_ONE_CLASS = "valid holds labels of one class only"
_MISSING = "a label is missing in every row of valid; add rows that have it or name another one as early_stopping.label"
_WHY = {"gauc": f"every group of {_ONE_CLASS}", "log_loss": _MISSING, "rmse": _MISSING}


class Record:
    """The best value of a metric so far. who: looks at it, for the error."""

    def __init__(self, who: str, metric: str) -> None:
        self.best: float | None = None
        self._who, self._metric = who, metric

    def beaten_by(self, metrics: dict[str, float | None]) -> bool:
        """Takes a validation; whether it is better than all before. Raises TrainingError where the metric is
        undefined."""
        value = metrics[self._metric]
        if value is None:
            raise TrainingError(f"{self._who}: {self._metric} is undefined, {_WHY.get(self._metric, _ONE_CLASS)}")
        better = -value if self._metric in ("log_loss", "rmse") else value
        beaten = self.best is None or better > self.best
        self.best = better if beaten else self.best
        return beaten


class BestWeights:
    """Keeps a copy of the weights of the best validation."""

    def __init__(self, config: EarlyStopping) -> None:
        self.config = config
        self._record = Record("early stopping", config.metric)
        self.num_worse = 0
        self._tables: Float32s | None = None
        self._dense: dict[str, Any] = {}

    def update(self, model: Model, metrics: dict[str, float | None]) -> bool:
        """Takes a validation; whether patience has run out. Raises TrainingError where the metric is undefined."""
        if self._record.beaten_by(metrics):
            self.num_worse = 0
            self._tables, self._dense = model.tables.weights(), copy.deepcopy(model.state_dict())
            return False
        self.num_worse += 1
        return self.num_worse >= self.config.patience

    def restore(self, model: Model) -> None:
        """Puts the best weights back."""
        if self._tables is not None:
            model.tables.restore(self._tables)
            model.load_state_dict(self._dense)
