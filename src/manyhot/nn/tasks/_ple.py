"""Progressive Layered Extraction (Tang et al. 2020). B examples, T labels, E experts, H units, X = F*D inputs."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ..heads import HeadShape
from ._experts import Experts, expert_units, mixed, others_than_deep, towers
from ._tasks import Tasks

__all__ = ["PLE"]


class Extraction(nn.Module):
    """One level: experts of each label and shared ones; gates mix label t's own with the shared (section 4.1), and for
    the next level's shared experts all of them (section 4.2).

    Takes what the level before gives: T inputs of the labels, and the shared one; each (B, num_inputs). is_last: the
    shared one is not given, as nobody reads it.
    """

    def __init__(self, shape: HeadShape, num_labels: int, num_inputs: int, *, is_last: bool) -> None:
        super().__init__()
        options = shape.config.tasks
        assert options is not None
        own, shared = options.experts, options.shared_experts
        self.own_experts = nn.ModuleList(Experts(shape, num_inputs, own) for _ in range(num_labels))
        self.shared_experts = Experts(shape, num_inputs, shared)
        self.gates = nn.ModuleList(nn.Linear(num_inputs, own + shared, bias=False) for _ in range(num_labels))
        num_experts = num_labels * own + shared
        self.shared_gate = None if is_last else nn.Linear(num_inputs, num_experts, bias=False)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        own: list[list[Tensor]] = [group(x) for x, group in zip(inputs, self.own_experts, strict=False)]
        shared: list[Tensor] = self.shared_experts(inputs[-1])
        outputs = [mixed(gate(x), [*group, *shared]) for x, gate, group in zip(inputs, self.gates, own, strict=False)]
        if self.shared_gate is not None:
            outputs.append(mixed(self.shared_gate(inputs[-1]), [*(y for group in own for y in group), *shared]))
        return outputs


class PLE(Tasks):
    """Levels of experts, then a tower a label (section 4.2); instead of the head "deep". One level is CGC."""

    def __init__(self, shape: HeadShape, num_labels: int) -> None:
        super().__init__(num_labels)
        options = shape.config.tasks
        assert options is not None
        self.heads = others_than_deep(shape, num_labels)
        sizes = [shape.num_fields * shape.dim, *[expert_units(shape)[-1]] * options.levels]
        self.levels = nn.ModuleList(
            Extraction(shape, num_labels, num_inputs, is_last=level == options.levels)
            for level, (num_inputs, _) in enumerate(pairwise(sizes), start=1)
        )
        self.towers = towers(shape, num_labels)

    def forward(self, tables: TableOutputs) -> Tensor:
        values = [tables.pooled.flatten(1)] * (self.num_labels + 1)
        for level in self.levels:
            values = level(values)
        terms: Tensor = self.heads(tables)
        return terms + torch.cat([tower(x) for tower, x in zip(self.towers, values, strict=True)], 1)
