"""The deep term of neural factorization machines. B examples, D latent size."""

from __future__ import annotations

from torch import Tensor, nn

from manyhot.schema import BiDeep

from .._mlp import MLP
from .._norms import BatchNorm1d
from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["BiDeepHead"]


class BiDeepHead(nn.Module):
    """MLP(bi): NFM (He & Chua 2017, section 3); the paper's h is the MLP's last Linear.

    The paper normalises bi by batch and drops some of it before the MLP; `on_bi = false` leaves both to
    the hidden layers.
    """

    def __init__(self, dim: int, mlp: MLP, *, dropout: float, batch_norm: bool) -> None:
        super().__init__()
        self.norm = BatchNorm1d(dim) if batch_norm else None
        self.dropout = nn.Dropout(dropout)
        self.mlp = mlp

    @classmethod
    def of(cls, shape: HeadShape) -> BiDeepHead:
        config = shape.config
        on_bi = (config.bi_deep or BiDeep()).on_bi
        return cls(
            shape.dim,
            shape.mlp(shape.dim, bias=config.head_biases),
            dropout=config.dropout if on_bi else 0.0,
            batch_norm=config.batch_norm and on_bi,
        )

    def forward(self, tables: TableOutputs) -> Tensor:
        bi_BD = tables.bi if self.norm is None else self.norm(tables.bi)
        term: Tensor = self.mlp(self.dropout(bi_BD)).squeeze(1)
        return term
