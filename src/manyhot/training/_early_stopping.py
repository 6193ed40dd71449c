"""The best weights so far, and when to stop looking for better ones."""

from __future__ import annotations

import copy
from typing import Any

from manyhot.errors import TrainingError
from manyhot.kernels import Float32s
from manyhot.nn import Model
from manyhot.schema import EarlyStopping

__all__ = ["BestWeights"]


class BestWeights:
    """Keeps a copy of the weights of the best validation."""

    def __init__(self, config: EarlyStopping) -> None:
        self.config = config
        self.best: float | None = None
        self.num_worse = 0
        self._tables: Float32s | None = None
        self._dense: dict[str, Any] = {}

    def update(self, model: Model, metrics: dict[str, float | None]) -> bool:
        """Takes a validation; whether patience has run out. Raises TrainingError where the metric is undefined."""
        value = metrics[self.config.metric]
        if value is None:
            where = "every group of valid" if self.config.metric == "gauc" else "valid"
            raise TrainingError(
                f"early stopping: {self.config.metric} is undefined, {where} holds labels of one class only"
            )
        better = -value if self.config.metric in ("log_loss", "rmse") else value
        if self.best is None or better > self.best:
            self.best, self.num_worse = better, 0
            self._tables, self._dense = model.tables.weights(), copy.deepcopy(model.state_dict())
            return False
        self.num_worse += 1
        return self.num_worse >= self.config.patience

    def restore(self, model: Model) -> None:
        """Puts the best weights back."""
        if self._tables is not None:
            model.tables.restore(self._tables)
            model.load_state_dict(self._dense)
