"""The cross network of DCN. B examples, L = fields * latent size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._crossed import CrossedHead
from ._shape import HeadShape

__all__ = ["CrossHead"]


class CrossHead(CrossedHead):
    """x <- x0 (x . w) + b + x in each layer (Wang et al. 2017, eq. 3)."""

    @classmethod
    def of(cls, shape: HeadShape) -> CrossHead:
        return cls.with_layers(shape, CrossLayer)


class CrossLayer(nn.Module):
    """x0 (x . w) + b: (B, L)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Linear(size, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x0_BL: Tensor, x_BL: Tensor) -> Tensor:
        crossed: Tensor = torch.addcmul(self.bias, x0_BL, self.weight(x_BL))
        return crossed
