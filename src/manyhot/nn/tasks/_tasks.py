"""What a kind of tasks is, and the heads that each label has for itself. B examples, T labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._outputs import TableOutputs
from ..heads import HEADS, HeadShape

__all__ = ["HeadSets", "Tasks"]


class Tasks(nn.Module):
    """The base. num_labels: T. `forward(tables: TableOutputs)` gives float32 terms (B, T)."""

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        self.num_labels = num_labels

    def logits(self, terms: Tensor) -> Tensor:
        """Logits (B, T) of terms with a bias a label added, (B, T): the terms themselves."""
        return terms

    def rates_of_terms(self, rates_T: Tensor) -> Tensor:
        """sigmoid of each term where the labels have these rates (T,): the rates themselves."""
        return rates_T


class HeadSets(nn.Module):
    """Heads of these names once a label; the sums of each set, (B, T), zeros where there are no heads."""

    def __init__(self, shape: HeadShape, num_labels: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.sets = nn.ModuleList(_HeadSum(shape, names) for _ in range(num_labels))

    def forward(self, tables: TableOutputs) -> Tensor:
        return torch.stack([heads(tables) for heads in self.sets], 1)


class _HeadSum(nn.Module):
    def __init__(self, shape: HeadShape, names: tuple[str, ...]) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({name: HEADS[name](shape) for name in names})

    def forward(self, tables: TableOutputs) -> Tensor:
        zero = tables.linear.new_zeros(len(tables.linear))
        return torch.stack([zero, *(head(tables) for head in self.heads.values())]).sum(0)
