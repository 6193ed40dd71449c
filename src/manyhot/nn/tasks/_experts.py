"""What MMoE and PLE are made of: experts, towers, and the heads that stay beside them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..heads import HeadShape
from ._tasks import HeadSets

__all__ = ["Experts", "expert_units", "mixed", "others_than_deep", "towers"]


def expert_units(shape: HeadShape) -> tuple[int, ...]:
    """Hidden layers of an expert: the model's where tasks name none."""
    options = shape.config.tasks
    units = None if options is None else options.expert_units
    return units or shape.config.hidden_units or ()


class Experts(nn.ModuleList):
    """MLPs (B, num_inputs) -> (B, H), H being the last of the experts' units; all their outputs."""

    def __init__(self, shape: HeadShape, num_inputs: int, number: int) -> None:
        super().__init__(shape.mlp(num_inputs, expert_units(shape), to_logit=False) for _ in range(number))

    def forward(self, x: Tensor) -> list[Tensor]:
        return [expert(x) for expert in self]


def mixed(gate: Tensor, outputs: list[Tensor]) -> Tensor:
    """The outputs of E experts, each (B, H), weighted by the softmax of the gate (B, E); (B, H)."""
    return torch.einsum("be,beh->bh", gate.softmax(1), torch.stack(outputs, 1))


def towers(shape: HeadShape, num_labels: int) -> nn.ModuleList:
    """MLPs (B, H) -> (B, 1), one a label."""
    options = shape.config.tasks
    units = () if options is None else options.tower_units
    return nn.ModuleList(
        shape.mlp(expert_units(shape)[-1], units, bias=shape.config.head_biases) for _ in range(num_labels)
    )


def others_than_deep(shape: HeadShape, num_labels: int) -> HeadSets:
    """The model's other heads, once a label: experts and towers stand for "deep"."""
    return HeadSets(shape, num_labels, tuple(name for name in shape.config.heads or () if name != "deep"))
