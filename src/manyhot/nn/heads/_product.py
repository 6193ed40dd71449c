"""The deep term of product-based networks. B examples, F fields, P = F(F-1)/2 pairs of fields, D latent size."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from manyhot.schema import Product

from .._mlp import MLP
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["ProductHead"]


class ProductHead(nn.Module):
    """MLP(concat(pooled, products of all pairs of fields)): PNN (Qu et al. 2016, section III).

    inner: <pooled_f, pooled_g> (IPNN). outer: pooled_f' K_fg pooled_g, the outer product of the two seen through a
    kernel, a D x D matrix for each pair (KPNN; Qu et al. 2018). The first Linear weighs the products.
    """

    def __init__(self, num_fields: int, dim: int, mlp: MLP, *, inner: bool, outer: bool) -> None:
        super().__init__()
        self.mlp, self.inner = mlp, inner
        self.left, self.right = torch.triu_indices(num_fields, num_fields, 1)
        bound = math.sqrt(3 / dim)  # Glorot & Bengio 2010: variance 1 / D
        kernels_PDD = torch.empty(len(self.left), dim, dim).uniform_(-bound, bound)
        self.kernels = nn.Parameter(kernels_PDD) if outer else None

    @classmethod
    def of(cls, shape: HeadShape) -> ProductHead:
        kind = (shape.config.product or Product()).kind
        inner, outer = kind != "outer", kind != "inner"
        num_pairs = shape.num_fields * (shape.num_fields - 1) // 2
        num_inputs = shape.num_fields * shape.dim + (inner + outer) * num_pairs
        mlp = shape.mlp(num_inputs, bias=shape.config.head_biases)
        return cls(shape.num_fields, shape.dim, mlp, inner=inner, outer=outer)

    def forward(self, tables: TableOutputs) -> Tensor:
        pooled_BFD = tables.pooled
        left_BPD, right_BPD = pooled_BFD.index_select(1, self.left), pooled_BFD.index_select(1, self.right)
        inputs = [pooled_BFD.flatten(1)]
        if self.inner:
            inputs.append((left_BPD * right_BPD).sum(2))
        if self.kernels is not None:
            seen_BPD = (left_BPD.transpose(0, 1) @ self.kernels).transpose(0, 1)
            inputs.append((seen_BPD * right_BPD).sum(2))
        term: Tensor = self.mlp(torch.cat(inputs, 1)).squeeze(1)
        return term
