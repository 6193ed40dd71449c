"""The stacked factorization machines of Wukong. B examples, D latent size, N fields of a layer's input, K its rank."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manyhot.schema import WukongLayers

from .._mlp import MLP
from .._norms import LayerNorm
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["WukongHead"]


class WukongHead(nn.Module):
    """MLP behind layers that turn fields into new fields (Zhang et al. 2024, section 3)."""

    def __init__(self, layers: list[nn.Module], mlp: MLP) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.mlp = mlp

    @classmethod
    def of(cls, shape: HeadShape) -> WukongHead:
        options = shape.config.wukong or WukongLayers()
        outputs = options.fm_fields + options.linear_fields
        inputs = [shape.num_fields, *[outputs] * (options.layers - 1)]
        layers: list[nn.Module] = [WukongLayer(num, shape, options) for num in inputs]
        return cls(layers, shape.mlp(outputs * shape.dim, bias=shape.config.head_biases))

    def forward(self, tables: TableOutputs) -> Tensor:
        term: Tensor = self.mlp(self.layers(tables.pooled).flatten(1)).squeeze(1)
        return term


class WukongLayer(nn.Module):
    """norm(FM block, linear block, one after the other, + residual): (B, fm_fields + linear_fields, D).

    FM block: MLP(norm(X X^T Y)), new fields out of all pairs of fields, Y (N, K) being learned.
    Linear block: new fields as sums of fields. The residual is X itself where the numbers of fields agree, else
    sums of its fields.
    """

    def __init__(self, num_inputs: int, shape: HeadShape, options: WukongLayers) -> None:
        super().__init__()
        num_outputs = options.fm_fields + options.linear_fields
        self.pairs = nn.Parameter(torch.randn(num_inputs, options.rank) * num_inputs**-0.5)
        self.pairs_norm = LayerNorm(num_inputs * options.rank)
        self.mlp = shape.mlp(num_inputs * options.rank, options.fm_units, to_logit=False)
        self.fm = nn.Linear(self.mlp.num_outputs, options.fm_fields * shape.dim)
        self.linear = nn.Linear(num_inputs, options.linear_fields, bias=False)
        self.residual = nn.Identity() if num_inputs == num_outputs else nn.Linear(num_inputs, num_outputs, bias=False)
        self.norm = LayerNorm(shape.dim)

    def forward(self, x_BND: Tensor) -> Tensor:
        x_BDN = x_BND.transpose(1, 2)
        pairs_BNK = x_BND @ (x_BDN @ self.pairs)
        fm = self.fm(self.mlp(self.pairs_norm(pairs_BNK.flatten(1)))).unflatten(1, (-1, x_BND.shape[2]))
        linear, residual = self.linear(x_BDN).transpose(1, 2), self.residual(x_BDN).transpose(1, 2)
        y: Tensor = self.norm(torch.cat([fm, linear], 1) + residual)
        return y
