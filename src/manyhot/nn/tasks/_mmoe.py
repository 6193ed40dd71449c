"""Multi-gate Mixture-of-Experts (Ma et al. 2018). B examples, T labels, E experts, H units, X = F*D inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ..heads import HeadShape
from ._experts import Experts, mixed, others_than_deep, towers
from ._tasks import Tasks

__all__ = ["MMoE"]


class MMoE(Tasks):
    """f_t(x) = sum_e softmax(W_t x)_e f_e(x) (section 4.2), under the tower of label t; instead of the head "deep"."""

    def __init__(self, shape: HeadShape, num_labels: int) -> None:
        super().__init__(num_labels)
        options, num_inputs = shape.config.tasks, shape.num_fields * shape.dim
        assert options is not None
        self.heads = others_than_deep(shape, num_labels)
        self.experts = Experts(shape, num_inputs, options.experts)
        self.gates = nn.ModuleList(nn.Linear(num_inputs, options.experts, bias=False) for _ in range(num_labels))
        self.towers = towers(shape, num_labels)

    def forward(self, tables: TableOutputs) -> Tensor:
        x_BX = tables.pooled.flatten(1)
        outputs = self.experts(x_BX)
        of_experts = [tower(mixed(gate(x_BX), outputs)) for gate, tower in zip(self.gates, self.towers, strict=True)]
        terms: Tensor = self.heads(tables)
        return terms + torch.cat(of_experts, 1)
