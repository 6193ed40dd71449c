"""A set of heads for each label over shared tables. B examples, T labels."""

from __future__ import annotations

from torch import Tensor

from .._outputs import TableOutputs
from ..heads import HeadShape
from ._tasks import HeadSets, Tasks

__all__ = ["SharedBottom"]


class SharedBottom(Tasks):
    """term_t = the sum of label t's own heads: the tables are the shared bottom (Caruana 1997, Multitask Learning)."""

    def __init__(self, shape: HeadShape, num_labels: int) -> None:
        super().__init__(num_labels)
        self.heads = HeadSets(shape, num_labels, shape.config.heads or ())

    def forward(self, tables: TableOutputs) -> Tensor:
        terms: Tensor = self.heads(tables)
        return terms
