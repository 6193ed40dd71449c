"""The blocks of MaskNet. B examples, F fields, D latent size, L = F * D, U units of a block."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from manyhot.schema import MaskBlocks

from .._mlp import MLP
from .._norms import LayerNorm
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["MaskBlocksHead"]


class MaskBlocksHead(nn.Module):
    """Blocks whose inputs are multiplied by masks made of the example, and the MLP behind them (Wang et al. 2021,
    MaskNet).

    "parallel": every block reads the fields, and the MLP what all give. "serial": a block reads the one before it, and
    the MLP the last; without hidden layers that is the paper's Linear.
    """

    def __init__(self, norm: nn.Module, blocks: list[nn.Module], mlp: MLP, *, serial: bool) -> None:
        super().__init__()
        self.norm = norm
        self.blocks = nn.ModuleList(blocks)
        self.mlp = mlp
        self.serial = serial

    @classmethod
    def of(cls, shape: HeadShape) -> MaskBlocksHead:
        config, options, size = shape.config, shape.config.mask_blocks or MaskBlocks(), shape.num_fields * shape.dim
        serial = options.structure == "serial"
        inputs = [size] + [options.units if serial else size] * (options.blocks - 1)
        blocks: list[nn.Module] = [
            MaskBlock(size, num, options.units, num * options.reduction, config.dropout) for num in inputs
        ]
        norm = FieldNorm(shape.num_fields, shape.dim) if options.field_norm else nn.Identity()
        mlp = shape.mlp(options.units * (1 if serial else options.blocks), bias=config.head_biases)
        return cls(norm, blocks, mlp, serial=serial)

    def forward(self, tables: TableOutputs) -> Tensor:
        example_BL, x = tables.pooled.flatten(1), self.norm(tables.pooled).flatten(1)
        if self.serial:
            for block in self.blocks:
                x = block(example_BL, x)
        else:
            x = torch.cat([block(example_BL, x) for block in self.blocks], 1)
        term: Tensor = self.mlp(x).squeeze(1)
        return term


class FieldNorm(nn.Module):
    """Each field normalised over D, with a scale and a shift of its own: (B, F, D)."""

    def __init__(self, num_fields: int, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_fields, dim))
        self.shift = nn.Parameter(torch.zeros(num_fields, dim))

    def forward(self, x_BFD: Tensor) -> Tensor:
        return torch.addcmul(self.shift, self.scale, layer_norm(x_BFD, x_BFD.shape[2:]))


class MaskBlock(nn.Module):
    """relu(norm(W (mask(example) * x))), the mask being a hidden layer and a Linear: (B, U)."""

    def __init__(self, example_size: int, inputs: int, units: int, mask_units: int, dropout: float) -> None:
        super().__init__()
        self.mask = nn.Sequential(nn.Linear(example_size, mask_units), nn.ReLU(), nn.Linear(mask_units, inputs))
        self.weight = nn.Linear(inputs, units, bias=False)
        self.norm = LayerNorm(units)
        self.dropout = nn.Dropout(dropout)

    def forward(self, example_BL: Tensor, x: Tensor) -> Tensor:
        y: Tensor = self.dropout(self.norm(self.weight(self.mask(example_BL) * x)).relu())
        return y
