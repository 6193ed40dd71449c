"""Checkpoints: when what a training needs to go on after a fault is written down."""

from __future__ import annotations

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Checkpoints"]


class Checkpoints(Config, frozen=True, kw_only=True):
    """When checkpoints are written, and how many are kept. Nothing here changes what is trained.

    minutes: from one to the next. epochs: one also at the end of every so many epochs; 0: by time alone. Both give way
    where training would wait more than a twentieth of its time for them. keep: so many of the last ones. enabled: false
    writes none.
    """

    enabled: bool = True
    minutes: float = 5.0
    epochs: int = 1
    keep: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.minutes < float("inf"):
            raise ConfigError(f"checkpoints: minutes = {self.minutes} must be a number from 0")
        for key, least in (("epochs", 0), ("keep", 1)):
            if getattr(self, key) < least:
                raise ConfigError(f"checkpoints: {key} = {getattr(self, key)} must be at least {least}")
