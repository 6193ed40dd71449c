"""Heads: each turns what the tables give into one term (B,) of the logit. B examples, F fields, D latent size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._mlp import apply_mlp
from ._tables import TableOutputs

__all__ = ["DeepHead", "FMHead", "LinearHead"]


class LinearHead(nn.Module):
    """linear_f @ a (+ a0): one learned coefficient a field, starting at 1."""

    def __init__(self, num_fields: int, *, bias: bool) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.ones(num_fields))
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    def forward(self, tables: TableOutputs) -> Tensor:
        term = tables.linear @ self.coefficients
        return term if self.bias is None else term + self.bias


class FMHead(nn.Module):
    """bi @ h (+ h0): pairs of features (Rendle 2010), a coefficient a latent dimension (He & Chua 2017, eq. 6)."""

    def __init__(self, dim: int, *, bias: bool) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    def forward(self, tables: TableOutputs) -> Tensor:
        term = tables.bi @ self.coefficients
        return term if self.bias is None else term + self.bias


class DeepHead(nn.Module):
    """MLP(concat_f pooled_f): DeepFM (Guo et al. 2017, section 2.1).

    layer_order "standard": Linear, BatchNorm, ReLU, Dropout; "article": Linear, ReLU, Dropout, BatchNorm. Then Linear
    to 1, without a bias of its own unless `bias`. Computes in the number type of pooled; the term is float32.
    """

    def __init__(
        self,
        num_inputs: int,
        hidden_units: Sequence[int],
        *,
        dropout: float,
        batch_norm: bool,
        layer_order: str,
        bias: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, units in zip([num_inputs, *hidden_units], hidden_units, strict=False):
            norm = [nn.BatchNorm1d(units)] if batch_norm else []
            drop = [nn.Dropout(dropout)] if dropout else []
            after = [nn.ReLU(), *drop, *norm] if layer_order == "article" else [*norm, nn.ReLU(), *drop]
            layers += [nn.Linear(inputs, units), *after]
        layers.append(nn.Linear([num_inputs, *hidden_units][-1], 1, bias=bias))
        self.mlp = nn.Sequential(*layers)

    def forward(self, tables: TableOutputs) -> Tensor:
        return apply_mlp(self.mlp, tables.pooled.flatten(1)).squeeze(1).float()
