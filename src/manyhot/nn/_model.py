"""Model: a sum of heads over one shared set of tables. LR, FM, Wide&Deep and DeepFM differ in their heads only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manyhot.data import TableLayout
from manyhot.kernels import Batch, Kernels
from manyhot.schema import ModelConfig, TableOptimizer

from ._mlp import MLP
from ._tables import Tables
from .heads import HEADS, DeepHead, FMHead, HeadShape, LinearHead

__all__ = ["Model", "build_model"]


class Model(nn.Module):
    """logits (B,) = sum of heads + one general bias."""

    def __init__(self, tables: Tables, heads: dict[str, nn.Module]) -> None:
        super().__init__()
        self.tables = tables
        self.heads = nn.ModuleDict(heads)
        self.bias = nn.Parameter(torch.zeros(()))
        self._within = any(getattr(head, "needs_within", False) for head in heads.values())
        self._members = tuple(sorted({f for head in heads.values() for f in getattr(head, "member_fields", ())}))
        self._mlps = [module for module in self.modules() if isinstance(module, MLP)]

    @property
    def deep_in_bfloat16(self) -> bool:
        """Whether MLPs compute in it while training; evaluation is always in float32."""
        return any(mlp.in_bfloat16 for mlp in self._mlps)

    @deep_in_bfloat16.setter
    def deep_in_bfloat16(self, value: bool) -> None:
        for mlp in self._mlps:
            mlp.in_bfloat16 = value

    def forward(self, batch: Batch) -> Tensor:
        if self._within or self._members:
            tables = self.tables.by_bag(batch, self._members)
        else:
            tables = self.tables(batch, bfloat16=self.training and self.deep_in_bfloat16 and self._only_deep)
        terms = [head(tables) for head in self.heads.values()]
        return torch.stack(terms).sum(0) + self.bias

    @property
    def _only_deep(self) -> bool:
        """Whether no head but deep reads pooled."""
        return all(isinstance(head, LinearHead | FMHead | DeepHead) for head in self.heads.values())


def build_model(
    config: ModelConfig,
    layout: TableLayout,
    kernels: Kernels,
    *,
    optimizer: TableOptimizer | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Model:
    """A model with fresh weights; the same seed gives the same, and torch's own random state is left alone.

    Raises ConfigError where the configuration names fields that the layout lacks.
    """
    config.check_fields(layout.vocabulary_of)
    dim = config.latent_size(layout.num_fields)
    tables = Tables(layout, dim, kernels, optimizer=optimizer, field_pairs=config.pairs == "fields", threads=threads)
    tables.initialise(seed, config.embedding_scale)
    shape = HeadShape(config, tuple(layout.field_names), dim)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = {name: HEADS[name](shape) for name in config.heads or ()}
    return Model(tables, heads)
