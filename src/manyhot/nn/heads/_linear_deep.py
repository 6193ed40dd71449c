"""The deep term of FNN. B examples, F fields, D latent size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._mlp import MLP
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["LinearDeepHead"]


class LinearDeepHead(nn.Module):
    """MLP(concat_f [linear_f, pooled_f]): FNN (Zhang et al. 2016, section 3.1), whose tables start as those of an FM
    (`init_from` of the training). The paper's w_0 is in the bias of the first layer."""

    def __init__(self, mlp: MLP) -> None:
        super().__init__()
        self.mlp = mlp

    @classmethod
    def of(cls, shape: HeadShape) -> LinearDeepHead:
        return cls(shape.mlp(shape.num_fields * (1 + shape.dim), bias=shape.config.head_biases))

    def forward(self, tables: TableOutputs) -> Tensor:
        z_BFD1 = torch.cat([tables.linear.unsqueeze(2), tables.pooled], 2)
        term: Tensor = self.mlp(z_BFD1.flatten(1)).squeeze(1)
        return term
