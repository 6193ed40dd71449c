"""How one model learns several labels."""

from __future__ import annotations

from typing import Literal

import msgspec

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Tasks"]

_MOST = 1024  # a file that says more would cost time and memory before it is refused
_USED_KEYS = {
    "shared_bottom": (),
    "esmm": (),
    "mmoe": ("experts", "expert_units", "tower_units"),
    "ple": ("experts", "shared_experts", "levels", "expert_units", "tower_units"),
}


class Tasks(Config, frozen=True, kw_only=True):
    """What labels share beside the tables (formulas: docs/semantics.md, section 2).

    kind: "shared_bottom": nothing, every head of the model is there once a label. "esmm": the same for two labels,
        first the click, then what only follows a click; the second logit is that of both (Ma et al. 2018, Entire Space
        Multi-Task Model). "mmoe", "ple": experts under a tower for each label take the place of the head "deep" (Ma et
        al. 2018, Multi-gate Mixture-of-Experts; Tang et al. 2020, Progressive Layered Extraction).
    experts: of all labels together ("mmoe"), or of each label alone ("ple").
    shared_experts: of all labels together, beside those of each ("ple").
    levels: of experts, one behind the other ("ple").
    expert_units: hidden layers of an expert; None: the model's hidden_units.
    tower_units: hidden layers of a label's tower.
    """

    kind: Literal["shared_bottom", "esmm", "mmoe", "ple"] = "shared_bottom"
    experts: int = 4
    shared_experts: int = 2
    levels: int = 2
    expert_units: tuple[int, ...] | None = None
    tower_units: tuple[int, ...] = (64,)

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if field.name != "kind" and value != field.default and field.name not in _USED_KEYS[self.kind]:
                used = ", ".join(_USED_KEYS[self.kind]) or "no options"
                raise ConfigError(f'model: tasks: kind = "{self.kind}" has no {field.name}; it has {used}')
        for key in ("experts", "shared_experts", "levels"):
            if getattr(self, key) < 1:
                raise ConfigError(f"model: tasks: {key} = {getattr(self, key)} must be at least 1")
            if getattr(self, key) > _MOST:
                raise ConfigError(f"model: tasks: {key} = {getattr(self, key)} must be at most {_MOST:,}")
        if self.expert_units == ():
            raise ConfigError("model: tasks: expert_units is empty; an expert has a layer at least")
        for key in ("expert_units", "tower_units"):
            if any(units < 1 for units in getattr(self, key) or ()):
                raise ConfigError(f"model: tasks: {key} = {list(getattr(self, key))} must all be at least 1")

    @property
    def has_experts(self) -> bool:
        """Whether experts take the place of the head "deep"."""
        return "experts" in _USED_KEYS[self.kind]

    def check(self, num_labels: int) -> None:
        """Raises ConfigError where so many labels cannot be learned like this."""
        if num_labels == 1:
            raise ConfigError("model: tasks are for several labels; give labels, or remove tasks")
        if self.kind == "esmm" and num_labels != 2:
            raise ConfigError(
                f'model: tasks: kind = "esmm" takes two labels, the click and what follows it, not {num_labels}'
            )
