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
        sizes = zip([num_fields, *units], units, strict=False)
        self.layers = nn.ModuleList(CINLayer(num_fields, before, after) for before, after in sizes)
        self.last = nn.Linear(sum(units), 1, bias=bias)

    @classmethod
    def of(cls, shape: HeadShape) -> CINHead:
        return cls(shape.num_fields, (shape.config.cin or CIN()).units, bias=shape.config.head_biases)

    def forward(self, tables: TableOutputs) -> Tensor:
        x0_BDF = x_BDH = tables.pooled.transpose(1, 2).contiguous()
        sums = []
        for layer in self.layers:
            x_BDH = layer(x0_BDF, x_BDH)
            sums.append(x_BDH.sum(1))
        term: Tensor = self.last(torch.cat(sums, 1)).squeeze(1)
        return term


class CINLayer(nn.Module):
    """From the fields and H maps to the next maps, H' of them: (B, D, H'). One large matmul and a small one or none:
    by all F * H products, or, where it needs less memory, of the fields by what each pair of maps takes of them."""

    def __init__(self, num_fields: int, before: int, after: int) -> None:
        super().__init__()
        self.maps = nn.Linear(num_fields * before, after)
        self.shape = (after, num_fields, before)

    def forward(self, x0_BDF: Tensor, x_BDH: Tensor) -> Tensor:
        after, num_fields, before = self.shape
        if after >= num_fields:
            maps: Tensor = self.maps((x0_BDF[..., :, None] * x_BDH[..., None, :]).flatten(2))
            return maps
        weight = self.maps.weight.view(self.shape).transpose(0, 1).flatten(1)
        taken = (x0_BDF @ weight).view(*x0_BDF.shape[:2], after, before)
        return (taken @ x_BDH[..., None]).squeeze(3) + self.maps.bias
