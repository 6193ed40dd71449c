"""The best weights so far, and when to stop looking for better ones."""

from __future__ import annotations

from typing import Any

import torch

from manyhot.errors import TrainingError
from manyhot.kernels import Float32s
from manyhot.nn import Model
from manyhot.schema import EarlyStopping

from ._state import Arrays, State, fixed, part

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
        self._dense: Arrays = {}

    def update(self, model: Model, metrics: dict[str, float | None]) -> bool:
        """Takes a validation; whether patience has run out. Raises TrainingError where the metric is undefined."""
        if self._record.beaten_by(metrics):
            self.num_worse = 0
            self._tables = model.tables.weights()
            self._dense = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
            return False
        self.num_worse += 1
        return self.num_worse >= self.config.patience

    def restore(self, model: Model) -> None:
        """Puts the best weights back."""
        if self._tables is not None:
            model.tables.restore(self._tables)
            model.load_state_dict({name: torch.tensor(array) for name, array in self._dense.items()})

    def state(self) -> State:
        """With the best weights, where there are any yet: they are replaced and never changed."""
        arrays = {f"dense.{name}": array for name, array in self._dense.items()}
        arrays |= {} if self._tables is None else {"tables": self._tables}
        return {"best": self._record.best, "num_worse": self.num_worse}, fixed(arrays)

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave."""
        self._record.best, self.num_worse = values["best"], values["num_worse"]
        self._tables, (_, self._dense) = arrays.get("tables"), part(({}, arrays), "dense")
