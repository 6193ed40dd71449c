"""The compressed interaction network of xDeepFM. B examples, F fields, D latent size, H feature maps of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from manyhot.schema import CIN

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["CINHead"]


class CINHead(nn.Module):
    """x^k_h = sum_ij W^k_hij (x^0_i * x^{k-1}_j) + b^k_h, a vector of D for each map h of layer k, from x^0 = pooled;
    the term is linear in the sums over D of all maps of all layers (Lian et al. 2018, xDeepFM, section 3.1).

    As in the reference experiments no activation stands between the layers, and the maps have biases.
    """

    def __init__(self, num_fields: int, units: Sequence[int], *, bias: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(num_fields * before, after) for before, after in zip([num_fields, *units], units, strict=False)
        )
        self.last = nn.Linear(sum(units), 1, bias=bias)

    @classmethod
    def of(cls, shape: HeadShape) -> CINHead:
        return cls(shape.num_fields, (shape.config.cin or CIN()).units, bias=shape.config.head_biases)

    def forward(self, tables: TableOutputs) -> Tensor:
        x0_BDF = x_BDH = tables.pooled.transpose(1, 2).contiguous()
        sums = []
        for layer in self.layers:  # one matmul of (B * D, F * H) a layer
            x_BDH = layer((x0_BDF[..., :, None] * x_BDH[..., None, :]).flatten(2))
            sums.append(x_BDH.sum(1))
        term: Tensor = self.last(torch.cat(sums, 1)).squeeze(1)
        return term
