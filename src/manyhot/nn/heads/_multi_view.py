"""Multi-view machines: products of all orders. B examples, F fields, D latent size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["MultiViewHead"]


class MultiViewHead(nn.Module):
    """sum_d prod_f (pooled_fd + b_fd): MVM (Cao et al. 2016), a field being a view.

    Multiplied out: the products of every subset of the fields, where b stands in for the others. b starts at 1, so that
    no order vanishes at first; in the first field every other dimension starts at -1, so that the term starts near 0.
    """

    def __init__(self, num_fields: int, dim: int) -> None:
        super().__init__()
        biases_FD = torch.ones(num_fields, dim)
        biases_FD[0, 1::2] = -1
        self.biases = nn.Parameter(biases_FD)

    @classmethod
    def of(cls, shape: HeadShape) -> MultiViewHead:
        return cls(shape.num_fields, shape.dim)

    def forward(self, tables: TableOutputs) -> Tensor:
        return (tables.pooled + self.biases).prod(1).sum(1)
