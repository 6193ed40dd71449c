"""The factor on the learning rates, step by step."""

from __future__ import annotations

import math
from typing import Any

from manyhot.schema import Schedule

from ._early_stopping import Record
from ._state import Arrays, State

__all__ = ["RateSchedule"]


class RateSchedule:
    """config None: the factor is 1. num_steps: of the whole training; steps_an_epoch: of one."""

    def __init__(self, config: Schedule | None, num_steps: int, steps_an_epoch: int) -> None:
        self.config = config or Schedule()
        self._num_steps, self._every = num_steps, self.config.every or steps_an_epoch
        self._record = Record("schedule", self.config.metric)
        self._num_worse = self._drops = 0

    def factor(self, step: int) -> float:
        """Of the step of this number, from 1."""
        config, done = self.config, step - 1
        if config.kind == "step":
            factor = max(config.factor ** (done // self._every), config.min_factor)
        elif config.kind == "plateau":
            factor = max(config.factor**self._drops, config.min_factor)
        elif config.kind == "cosine":
            left = max(self._num_steps - config.warm_up_steps, 1)
            part = min(max(done - config.warm_up_steps, 0) / left, 1)
            factor = config.min_factor + (1 - config.min_factor) * (1 + math.cos(math.pi * part)) / 2
        else:
            factor = 1.0
        return factor * min(step / config.warm_up_steps, 1) if config.warm_up_steps else factor

    def validated(self, metrics: dict[str, float | None]) -> None:
        """Takes a validation. Raises TrainingError where "plateau" looks at a metric that is undefined."""
        if self.config.kind != "plateau":
            return
        self._num_worse = 0 if self._record.beaten_by(metrics) else self._num_worse + 1
        if self._num_worse == self.config.patience:
            self._num_worse, self._drops = 0, self._drops + 1

    def state(self) -> State:
        """What validations have made of it."""
        return {"best": self._record.best, "num_worse": self._num_worse, "drops": self._drops}, {}

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave."""
        self._record.best, self._num_worse, self._drops = values["best"], values["num_worse"], values["drops"]
