"""The cross network of DCN V2. B examples, L = fields * latent size."""

from __future__ import annotations

from torch import Tensor, nn

from manyhot.schema import Cross

from ._crossed import CrossedHead
from ._shape import HeadShape

__all__ = ["Cross2Head"]


class Cross2Head(CrossedHead):
    """x <- x0 * (W x + b) + x in each layer (Wang et al. 2021, eq. 1), or with W = U V^T of a low rank (eq. 2)."""

    @classmethod
    def of(cls, shape: HeadShape) -> Cross2Head:
        rank = (shape.config.cross or Cross()).rank
        return cls.with_layers(shape, lambda size: Cross2Layer(size, rank))


class Cross2Layer(nn.Module):
    """x0 * (W x + b): (B, L)."""

    def __init__(self, size: int, rank: int | None) -> None:
        super().__init__()
        low = nn.Identity() if rank is None else nn.Linear(size, rank, bias=False)
        self.weight = nn.Sequential(low, nn.Linear(rank or size, size))

    def forward(self, x0_BL: Tensor, x_BL: Tensor) -> Tensor:
        crossed: Tensor = x0_BL * self.weight(x_BL)
        return crossed
