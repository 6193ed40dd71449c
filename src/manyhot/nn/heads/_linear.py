"""The linear term. B examples, F fields."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["LinearHead"]


class LinearHead(nn.Module):
    """linear_f @ a (+ a0): one learned coefficient a field, starting at 1."""

    def __init__(self, num_fields: int, *, bias: bool) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.ones(num_fields))
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    @classmethod
    def of(cls, shape: HeadShape) -> LinearHead:
        return cls(shape.num_fields, bias=shape.config.head_biases)

    def forward(self, tables: TableOutputs) -> Tensor:
        term = tables.linear @ self.coefficients
        return term if self.bias is None else term + self.bias
