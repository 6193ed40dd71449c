"""The pairs of field-weighted factorization machines. B examples, F fields, D latent size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["FieldWeightedFMHead"]


class FieldWeightedFMHead(nn.Module):
    """sum_{f<g} r_fg <pooled_f, pooled_g>: FwFM (Pan et al. 2018), summed over the features of each field.

    within: pairs of features inside a field f count too, with a weight r_ff. All r start at 1, where the term is that
    of FM.
    """

    def __init__(self, num_fields: int, *, within: bool) -> None:
        super().__init__()
        self.needs_within = within
        self.left, self.right = torch.triu_indices(num_fields, num_fields, 1)
        self.between = nn.Parameter(torch.ones(len(self.left)))  # r_fg, f < g, row by row
        self.within = nn.Parameter(torch.ones(num_fields)) if within else None  # r_ff

    @classmethod
    def of(cls, shape: HeadShape) -> FieldWeightedFMHead:
        return cls(shape.num_fields, within=shape.config.pairs == "features")

    def forward(self, tables: TableOutputs) -> Tensor:
        pooled_BFD = tables.pooled
        num_fields = pooled_BFD.shape[1]
        r_FF = self.between.new_zeros(num_fields, num_fields).index_put((self.left, self.right), self.between)
        term = (pooled_BFD * (r_FF @ pooled_BFD)).sum((1, 2))
        if self.within is None:
            return term
        assert tables.within is not None
        return term + tables.within.sum(2) @ self.within
