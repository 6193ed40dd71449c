"""Model: a sum of heads over one shared set of tables. LR, FM, Wide&Deep and DeepFM differ in their heads only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manyhot.data import TableLayout
from manyhot.kernels import Batch, Kernels
from manyhot.schema import ModelConfig, TableOptimizer

from ._heads import DeepHead, FMHead, LinearHead
from ._tables import Tables

__all__ = ["Model", "build_model"]


class Model(nn.Module):
    """logits (B,) = sum of heads + one general bias.

    deep_in_bfloat16: whether the deep head computes in it while training; evaluation is always in float32.
    """

    def __init__(self, tables: Tables, heads: dict[str, nn.Module]) -> None:
        super().__init__()
        self.tables = tables
        self.heads = nn.ModuleDict(heads)
        self.bias = nn.Parameter(torch.zeros(()))
        self.deep_in_bfloat16 = False

    def forward(self, batch: Batch) -> Tensor:
        tables = self.tables(batch, bfloat16=self.deep_in_bfloat16 and self.training)
        terms = [head(tables) for head in self.heads.values()]
        return torch.stack(terms).sum(0) + self.bias


def build_model(
    config: ModelConfig,
    layout: TableLayout,
    kernels: Kernels,
    *,
    optimizer: TableOptimizer | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Model:
    """A model with fresh weights; the same seed gives the same, and torch's own random state is left alone."""
    dim = config.embedding_dim if config.has_latent else 0
    tables = Tables(layout, dim, kernels, optimizer=optimizer, field_pairs=config.pairs == "fields", threads=threads)
    tables.initialise(seed, config.embedding_scale)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads: dict[str, nn.Module] = {name: _head(name, config, layout.num_fields) for name in config.heads or ()}
    return Model(tables, heads)


def _head(name: str, config: ModelConfig, num_fields: int) -> nn.Module:
    if name == "linear":
        return LinearHead(num_fields, bias=config.head_biases)
    if name == "fm":
        return FMHead(config.embedding_dim, bias=config.head_biases)
    return DeepHead(
        num_fields * config.embedding_dim,
        config.hidden_units or (),
        dropout=config.dropout,
        batch_norm=config.batch_norm,
        layer_order=config.layer_order,
        bias=config.head_biases,
    )
