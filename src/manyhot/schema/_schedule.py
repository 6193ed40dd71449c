"""How the learning rates change as training goes on."""

from __future__ import annotations

from typing import Literal

import msgspec

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Schedule"]

_KEYS = {
    "constant": set[str](),
    "step": {"factor", "every", "min_factor"},
    "cosine": {"min_factor"},
    "plateau": {"factor", "patience", "metric", "min_factor"},
}


class Schedule(Config, frozen=True, kw_only=True):
    """A factor on every learning rate, of tables and dense part alike; 1 without a schedule.

    kind: "constant"; "step", times `factor` after `every` steps, again and again; "cosine", from 1 down to min_factor
        over all steps; "plateau", times `factor` when `metric` on valid was no better than its best for `patience`
        validations, again and again.
    every: steps, None is an epoch. min_factor: where step, cosine and plateau end.
    warm_up_steps: over the first steps the rates rise evenly, from 1 / warm_up_steps of what they otherwise are.
    """

    kind: Literal["constant", "step", "cosine", "plateau"] = "constant"
    factor: float = 0.1
    every: int | None = None
    patience: int = 1
    metric: Literal["auc", "log_loss", "gauc"] = "auc"
    min_factor: float = 0.0
    warm_up_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.factor < 1:
            raise ConfigError(f"schedule: factor = {self.factor} must lie between 0 and 1")
        if not 0 <= self.min_factor <= 1:
            raise ConfigError(f"schedule: min_factor = {self.min_factor} must lie in [0, 1]")
        for key, least in (("every", 1), ("patience", 1), ("warm_up_steps", 0)):
            value = getattr(self, key)
            if value is not None and value < least:
                raise ConfigError(f"schedule: {key} = {value} must be at least {least}")
        used = {"kind", "warm_up_steps", *_KEYS[self.kind]}
        for field in msgspec.structs.fields(self):
            if field.name not in used and getattr(self, field.name) != field.default:
                raise ConfigError(f'schedule "{self.kind}" has no {field.name}; it has {", ".join(sorted(used))}')
