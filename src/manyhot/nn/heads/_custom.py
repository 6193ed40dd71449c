"""Heads that a user brings: functions given from Python for the names that the configuration has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import nn

from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig

from ._shape import HeadShape

__all__ = ["BuildHead", "build_custom_heads", "check_custom_heads"]

BuildHead: TypeAlias = Callable[[HeadShape], nn.Module]

_KEPT = (torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8)


def check_custom_heads(config: ModelConfig, given: Mapping[str, BuildHead]) -> None:
    """Raises ConfigError where a name of custom_heads has no function, or a function no name."""
    for name in config.custom_heads:
        if name not in given:
            raise ConfigError(
                f'model: custom_heads: "{name}" is not given; pass heads={{"{name}": build}} in Python, where build '
                "takes a HeadShape and returns the module"
            )
        if hasattr(nn.ModuleDict(), name):
            raise ConfigError(f'model: custom_heads: "{name}" is a word that torch needs; take another name')
    for name in given:
        if name not in config.custom_heads:
            raise ConfigError(f'heads: the model has no head "{name}"; name it: custom_heads = ["{name}"]')


def build_custom_heads(config: ModelConfig, given: Mapping[str, BuildHead], shape: HeadShape) -> dict[str, nn.Module]:
    """Raises ConfigError as above, and where what a function returns is no module, or one that cannot be saved."""
    check_custom_heads(config, given)
    heads = {name: given[name](shape) for name in config.custom_heads}
    for name, head in heads.items():
        if not isinstance(head, nn.Module):
            raise ConfigError(f'heads: "{name}" made {type(head).__name__}; it must return a torch.nn.Module')
        for key, value in head.state_dict().items():
            _check_can_be_kept(f'heads: "{name}": {key}', value)
    return heads


def _check_can_be_kept(what: str, value: torch.Tensor) -> None:
    """Before hours of training, and not after them."""
    todo = "or keep it out of the state, by register_buffer(.., persistent=False)"
    if value.dtype not in _KEPT:
        kinds = ", ".join(str(kind).removeprefix("torch.") for kind in _KEPT)
        raise ConfigError(f"{what} is of {value.dtype}, and model files hold {kinds}; make it one of them, {todo}")
    if value.is_floating_point() and not value.isfinite().all():
        raise ConfigError(f"{what} holds NaN or infinity, which is never saved; write another number, {todo}")
