"""The pairs of attentional factorization machines. B examples, F fields, P pairs of fields, D latent size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manyhot.schema import AttentionFM

from .._outputs import TableOutputs
from ._shape import HeadShape

__all__ = ["AttentionFMHead"]


class AttentionFMHead(nn.Module):
    """p' sum_fg a_fg (pooled_f * pooled_g), a = softmax_fg(h' ReLU(W (pooled_f * pooled_g) + b)): AFM (Xiao et al.
    2017, section 3), with dropout before p.

    Attention is over the pairs of fields that both hold something: an empty bag takes no share of it.
    """

    needs_filled = True

    def __init__(self, num_fields: int, dim: int, *, units: int, dropout: float) -> None:
        super().__init__()
        self.left, self.right = torch.triu_indices(num_fields, num_fields, 1)
        self.attention = nn.Sequential(nn.Linear(dim, units), nn.ReLU(), nn.Linear(units, 1, bias=False))
        self.dropout = nn.Dropout(dropout)
        self.coefficients = nn.Parameter(torch.ones(dim))  # p; at 1, the term is a mean of FM's pairs

    @classmethod
    def of(cls, shape: HeadShape) -> AttentionFMHead:
        config = shape.config
        units = (config.attention_fm or AttentionFM()).units
        return cls(shape.num_fields, shape.dim, units=units, dropout=config.dropout)

    def forward(self, tables: TableOutputs) -> Tensor:
        pooled_BFD, filled_BF = tables.pooled, tables.filled
        assert filled_BF is not None
        pairs_BPD = pooled_BFD.index_select(1, self.left) * pooled_BFD.index_select(1, self.right)
        empty_BP = ~(filled_BF[:, self.left] & filled_BF[:, self.right])
        # The lowest number instead of -inf: where no pair is left softmax gives numbers, and the pairs are 0.
        scores_BP = self.attention(pairs_BPD).squeeze(2).masked_fill(empty_BP, torch.finfo(pairs_BPD.dtype).min)
        shares_BP = torch.softmax(scores_BP, 1)
        term: Tensor = self.dropout((shares_BP.unsqueeze(1) @ pairs_BPD).squeeze(1)) @ self.coefficients
        return term
