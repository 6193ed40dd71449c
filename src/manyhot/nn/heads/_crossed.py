"""What cross networks have in common. B examples, F fields, D latent size, L = F * D."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn

from manyhot.schema import Cross

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["CrossedHead"]

Head = TypeVar("Head", bound="CrossedHead")


class CrossedHead(nn.Module):
    """x <- x + layer(x0, x) for each layer, from x = x0 = concat_f pooled_f (B, L); then `last` to the term.

    Structure "parallel": last is a Linear to 1, so that the sum with a head "deep" is the papers' Linear over the two
    outputs side by side. "stacked": last is the MLP.
    """

    def __init__(self, layers: list[nn.Module], last: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.last = last

    @classmethod
    def with_layers(cls: type[Head], shape: HeadShape, layer: Callable[[int], nn.Module]) -> Head:
        """layer: from L to a cross layer."""
        options, biases, size = shape.config.cross or Cross(), shape.config.head_biases, shape.num_fields * shape.dim
        stacked = options.structure == "stacked"
        last = shape.mlp(size, bias=biases) if stacked else nn.Linear(size, 1, bias=biases)
        return cls([layer(size) for _ in range(options.layers)], last)

    def forward(self, tables: TableOutputs) -> Tensor:
        x0_BL = x_BL = tables.pooled.flatten(1)
        for layer in self.layers:
            x_BL = x_BL + layer(x0_BL, x_BL)
        term: Tensor = self.last(x_BL).squeeze(1)
        return term
