"""The two streams of FinalMLP. B examples, F fields, D latent size, L = F * D, H fusion heads of M and N units."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manyhot.schema import Streams

from .._mlp import MLP
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["TwoStreamsHead"]


class TwoStreamsHead(nn.Module):
    """fusion(MLP1(gate1 * x), MLP2(gate2 * x)) with x = concat_f pooled_f (Mao et al. 2023, FinalMLP)."""

    def __init__(self, gates: list[Gate], mlps: list[MLP], fusion: Fusion) -> None:
        super().__init__()
        self.gates = nn.ModuleList(gates)
        self.mlps = nn.ModuleList(mlps)
        self.fusion = fusion

    @classmethod
    def of(cls, shape: HeadShape) -> TwoStreamsHead:
        options, size = shape.config.streams or Streams(), shape.num_fields * shape.dim
        fields = [[shape.field_names.index(name) for name in names] for names in options.gates]
        mlps = [shape.mlp(size, units, to_logit=False) for units in (None, options.hidden_units)]
        return cls(
            [Gate(numbers, shape, options.gate_units) for numbers in fields],
            mlps,
            Fusion(mlps[0].num_outputs, mlps[1].num_outputs, options.heads, bias=shape.config.head_biases),
        )

    def forward(self, tables: TableOutputs) -> Tensor:
        x_BL = tables.pooled.flatten(1)
        first, second = (mlp(gate(tables.pooled) * x_BL) for gate, mlp in zip(self.gates, self.mlps, strict=True))
        term: Tensor = self.fusion(first, second)
        return term


class Gate(nn.Module):
    """2 * sigmoid(MLP(pooled of some fields)), or of a learned constant where there are none: (B, L) or (1, L)."""

    def __init__(self, fields: list[int], shape: HeadShape, units: tuple[int, ...]) -> None:
        super().__init__()
        self.fields = fields
        self.constant = None if fields else nn.Parameter(torch.zeros(1, shape.dim))
        self.mlp = MLP(max(1, len(fields)) * shape.dim, units, to_logit=False)
        self.last = nn.Linear(self.mlp.num_outputs, shape.num_fields * shape.dim)

    def forward(self, pooled_BFD: Tensor) -> Tensor:
        x = pooled_BFD[:, self.fields].flatten(1) if self.constant is None else self.constant
        gate: Tensor = 2 * self.last(self.mlp(x)).sigmoid()
        return gate


class Fusion(nn.Module):
    """x . a + y . b + sum_h x_h^T W_h y_h, x and y being cut into H parts each: (B,)."""

    def __init__(self, x_size: int, y_size: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        self.x = nn.Linear(x_size, 1, bias=bias)
        self.y = nn.Linear(y_size, 1, bias=False)
        # Small for its many products: a deviation of sqrt(2 / products), Glorot's for a Linear to 1.
        products = x_size * y_size // heads
        self.xy = nn.Parameter(torch.randn(heads, x_size // heads, y_size // heads) * (2 / (products + 1)) ** 0.5)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x_HBM, y_HBN = (z.view(len(z), len(self.xy), -1).transpose(0, 1) for z in (x, y))
        bilinear_B = ((x_HBM @ self.xy) * y_HBN).sum((0, 2))
        term: Tensor = (self.x(x) + self.y(y)).squeeze(1) + bilinear_B
        return term
