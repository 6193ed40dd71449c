"""The second-order term of factorization machines. B examples, D latent size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["FMHead"]


class FMHead(nn.Module):
    """bi @ h (+ h0): pairs of features (Rendle 2010), a coefficient a latent dimension (He & Chua 2017, eq. 6)."""

    def __init__(self, dim: int, *, bias: bool) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    @classmethod
    def of(cls, shape: HeadShape) -> FMHead:
        return cls(shape.dim, bias=shape.config.head_biases)

    def forward(self, tables: TableOutputs) -> Tensor:
        term = tables.bi @ self.coefficients
        return term if self.bias is None else term + self.bias
