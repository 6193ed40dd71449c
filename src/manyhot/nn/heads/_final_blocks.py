"""The factorized interaction blocks of FinalNet. B examples, F fields, D latent size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from manyhot.schema import FinalBlocks

from .._norms import BatchNorm1d
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["FinalBlocksHead"]


class FinalBlocksHead(nn.Module):
    """block(x), or the mean of two blocks, with x = concat_f pooled_f (Zhu et al. 2023, FINAL).

    gate: in front of the first block, or nothing. The paper also teaches each of two blocks by their mean; here both
    learn from the loss of their mean alone.
    """

    def __init__(self, gate: nn.Module, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.gate = gate
        self.blocks = nn.ModuleList(blocks)

    @classmethod
    def of(cls, shape: HeadShape) -> FinalBlocksHead:
        config, options, size = shape.config, shape.config.final_blocks or FinalBlocks(), shape.num_fields * shape.dim
        first = config.hidden_units or ()
        second = first if options.hidden_units is None else options.hidden_units
        blocks: list[nn.Module] = [
            Block(
                [num, *units],
                dropout=config.dropout,
                batch_norm=config.batch_norm,
                bias=config.head_biases,
            )
            for num, units in [(size * (1 + options.gate), first), (size, second)][: options.blocks]
        ]
        return cls(FieldGate(shape.num_fields) if options.gate else nn.Identity(), blocks)

    def forward(self, tables: TableOutputs) -> Tensor:
        inputs = [self.gate(tables.pooled), tables.pooled]
        terms = [block(x.flatten(1)) for block, x in zip(self.blocks, inputs, strict=False)]
        return torch.stack(terms).mean(0)


class FieldGate(nn.Module):
    """x and x * (W x + b), W mixing fields: (B, 2 F, D). It starts as x twice."""

    def __init__(self, num_fields: int) -> None:
        super().__init__()
        self.mix = nn.Linear(num_fields, num_fields)
        nn.init.zeros_(self.mix.weight)
        nn.init.ones_(self.mix.bias)

    def forward(self, x_BFD: Tensor) -> Tensor:
        gate_BFD = self.mix(x_BFD.transpose(1, 2)).transpose(1, 2)
        return torch.cat([x_BFD, x_BFD * gate_BFD], 1)


class Block(nn.Module):
    """In each layer z, z' = the halves of W x + b, then z and z * z' side by side, BatchNorm (option), ReLU
    and Dropout; at the end a Linear to 1. So the degree doubles layer by layer. (B,)."""

    def __init__(self, sizes: Sequence[int], *, dropout: float, batch_norm: bool, bias: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes))
        self.norms = nn.ModuleList(BatchNorm1d(size) if batch_norm else nn.Identity() for size in sizes[1:])
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(sizes[-1], 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            z, other = layer(x).chunk(2, 1)
            x = self.dropout(norm(torch.cat([z, z * other], 1)).relu())
        term: Tensor = self.last(x).squeeze(1)
        return term
