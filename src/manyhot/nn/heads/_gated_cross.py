"""The gated cross network of GDCN. B examples, L = fields * latent size."""

from __future__ import annotations

from torch import Tensor, nn

from ._crossed import CrossedHead
from ._shape import HeadShape

__all__ = ["GatedCrossHead"]


class GatedCrossHead(CrossedHead):
    """x <- x0 * (W x + b) * sigmoid(G x) + x in each layer (Wang et al. 2023, Gated Deep Cross Network)."""

    @classmethod
    def of(cls, shape: HeadShape) -> GatedCrossHead:
        return cls.with_layers(shape, GatedCrossLayer)


class GatedCrossLayer(nn.Module):
    """x0 * (W x + b) * sigmoid(G x): (B, L)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Linear(size, size)
        self.gate = nn.Linear(size, size, bias=False)

    def forward(self, x0_BL: Tensor, x_BL: Tensor) -> Tensor:
        crossed: Tensor = x0_BL * self.weight(x_BL) * self.gate(x_BL).sigmoid()
        return crossed
