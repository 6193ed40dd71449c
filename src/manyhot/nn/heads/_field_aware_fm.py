"""The pairs of field-aware factorization machines. B examples, F fields, D latent size."""

from __future__ import annotations

from torch import Tensor, nn

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["FieldAwareFMHead"]


class FieldAwareFMHead(nn.Module):
    """sum_ij x_i x_j <v_i,g, v_j,f>, i a feature of field f and j of field g: FFM (Juan et al. 2016, section 3).

    A latent row holds D numbers towards each field, [F * D] in the order of the fields. within: pairs inside a field f
    count too, as x_i x_j <v_i,f, v_j,f>.
    """

    def __init__(self, num_fields: int, dim: int, *, within: bool) -> None:
        super().__init__()
        self.needs_within = within
        self.shape = (num_fields, num_fields, dim)

    @classmethod
    def of(cls, shape: HeadShape) -> FieldAwareFMHead:
        return cls(shape.num_fields, shape.config.embedding_dim, within=shape.config.pairs == "features")

    def forward(self, tables: TableOutputs) -> Tensor:
        pooled_BFFD = tables.pooled.reshape(-1, *self.shape)  # of field f, towards field g
        products_BFF = (pooled_BFFD * pooled_BFFD.transpose(1, 2)).sum(3)
        term: Tensor = products_BFF.triu(1).sum((1, 2))
        if not self.needs_within:
            return term
        assert tables.within is not None
        itself_BDF = tables.within.reshape(-1, *self.shape).diagonal(dim1=1, dim2=2)
        return term + itself_BDF.sum((1, 2))
