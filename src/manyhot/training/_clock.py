"""How long training has taken, and how fast it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._state import Arrays, State

__all__ = ["Clock"]

_WARM_UP_STEPS = 5  # left out of examples_per_second: first touches of memory, thread pools


@dataclass
class Clock:
    """Time spent in the loop itself, validation left out."""

    examples: int = 0
    seconds: float = 0.0
    steps: int = 0
    skipped: int = 0  # batches that nothing was learned from
    _warm: tuple[int, float] = field(default=(0, 0.0))

    def add(self, examples: int, seconds: float) -> None:
        """One step."""
        self.steps += 1
        self.examples += examples
        self.seconds += seconds
        if self.steps == _WARM_UP_STEPS:
            self._warm = self.examples, self.seconds

    @property
    def examples_per_second(self) -> float:
        """In the steady state; over everything where there were few steps."""
        examples, seconds = self._warm if self.steps >= 2 * _WARM_UP_STEPS else (0, 0.0)
        return (self.examples - examples) / max(self.seconds - seconds, 1e-9)

    def state(self) -> State:
        """All of it."""
        return {"examples": self.examples, "seconds": self.seconds, "steps": self.steps, "warm": [*self._warm]}, {}

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave."""
        self.examples, self.seconds, self.steps = values["examples"], values["seconds"], values["steps"]
        examples, seconds = values["warm"]
        self._warm = examples, seconds
