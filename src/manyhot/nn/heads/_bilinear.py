"""The bilinear pairs of FiBiNET. B examples, F fields, D latent size, P = F * (F - 1) / 2 pairs of fields."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manyhot.schema import Bilinear

from .._mlp import MLP
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["BilinearHead"]


class BilinearHead(nn.Module):
    """MLP(pairs(x), other pairs(excited x)) with x = pooled (Huang et al. 2019, FiBiNET, section 3)."""

    def __init__(self, excitation: nn.Module, pairs: list[nn.Module], mlp: MLP) -> None:
        super().__init__()
        self.excitation = excitation
        self.pairs = nn.ModuleList(pairs)
        self.mlp = mlp

    @classmethod
    def of(cls, shape: HeadShape) -> BilinearHead:
        options, num_fields = shape.config.bilinear or Bilinear(), shape.num_fields
        pairs: list[nn.Module] = [BilinearPairs(num_fields, shape.dim, options.kind) for _ in range(2)]
        mlp = shape.mlp(num_fields * (num_fields - 1) * shape.dim, bias=shape.config.head_biases)
        return cls(Excitation(num_fields, max(1, num_fields // options.reduction)), pairs, mlp)

    def forward(self, tables: TableOutputs) -> Tensor:
        plain_BPD, excited_BPD = self.pairs[0](tables.pooled), self.pairs[1](self.excitation(tables.pooled))
        term: Tensor = self.mlp(torch.cat([plain_BPD, excited_BPD], 1).flatten(1)).squeeze(1)
        return term


class Excitation(nn.Module):
    """Each field times a number of its own: relu(W2 relu(W1 z)), z being the fields' means over D, the SENET layer."""

    def __init__(self, num_fields: int, squeezed: int) -> None:
        super().__init__()
        squeeze, excite = nn.Linear(num_fields, squeezed, bias=False), nn.Linear(squeezed, num_fields, bias=False)
        self.layers = nn.Sequential(squeeze, nn.ReLU(), excite, nn.ReLU())

    def forward(self, x_BFD: Tensor) -> Tensor:
        excited: Tensor = x_BFD * self.layers(x_BFD.mean(2)).unsqueeze(2)
        return excited


class BilinearPairs(nn.Module):
    """(x_i W) * x_j of each pair i < j: (B, P, D). W: one for all, one for each i, or one for each pair."""

    left: Tensor
    right: Tensor

    def __init__(self, num_fields: int, dim: int, kind: str) -> None:
        super().__init__()
        left, right = torch.triu_indices(num_fields, num_fields, 1)
        self.register_buffer("left", left, persistent=False)
        self.register_buffer("right", right, persistent=False)
        self.kind = kind
        matrices = {"all": (), "each": (num_fields - 1,), "interaction": (len(left),)}[kind]
        self.weight = nn.Parameter(torch.randn(*matrices, dim, dim) * dim**-0.5)

    def forward(self, x_BFD: Tensor) -> Tensor:
        if self.kind == "interaction":
            turned_BPD = torch.einsum("bpd,pde->bpe", x_BFD[:, self.left], self.weight)
        elif self.kind == "each":
            turned_BPD = torch.einsum("bfd,fde->bfe", x_BFD[:, :-1], self.weight)[:, self.left]
        else:
            turned_BPD = (x_BFD @ self.weight)[:, self.left]
        return turned_BPD * x_BFD[:, self.right]
