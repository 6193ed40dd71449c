"""The deep term of DeepFM, Wide & Deep and DNN. B examples, F fields, D latent size."""

from __future__ import annotations

from torch import Tensor, nn

from .._mlp import MLP
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["DeepHead"]


class DeepHead(nn.Module):
    """MLP(concat_f pooled_f): DeepFM (Guo et al. 2017, section 2.1)."""

    def __init__(self, mlp: MLP) -> None:
        super().__init__()
        self.mlp = mlp

    @classmethod
    def of(cls, shape: HeadShape) -> DeepHead:
        return cls(shape.mlp(shape.num_fields * shape.dim, bias=shape.config.head_biases))

    def forward(self, tables: TableOutputs) -> Tensor:
        term: Tensor = self.mlp(tables.pooled.flatten(1)).squeeze(1)
        return term
