"""Model: a sum of heads over one shared set of tables. LR, FM, Wide&Deep and DeepFM differ in their heads only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from manyhot.data import TableLayout
from manyhot.errors import ConfigError
from manyhot.kernels import Batch, Kernels
from manyhot.schema import ModelConfig, TableOptimizer, TableOptimizers

from ._mlp import MLP
from ._outputs import TableOutputs
from ._tables import Tables
from .heads import HEADS, BuildHead, DeepHead, FMHead, HeadShape, LinearHead, build_custom_heads
from .tasks import TASKS, Tasks

__all__ = ["Model", "build_model"]


class Model(nn.Module):
    """logits (B,) = sum of heads + one general bias; or of T labels (B, T) by `tasks`, with a bias a label.

    heads: empty where there are tasks, which hold their own.
    """

    def __init__(self, tables: Tables, heads: dict[str, nn.Module], tasks: Tasks | None = None) -> None:
        super().__init__()
        self.tables = tables
        self.heads = nn.ModuleDict(heads)
        self.tasks = tasks
        self.bias = nn.Parameter(torch.zeros(()) if tasks is None else torch.zeros(tasks.num_labels))
        parts = list(self.modules())
        self._within = any(getattr(part, "needs_within", False) for part in parts)
        self._filled = any(getattr(part, "needs_filled", False) for part in parts)
        self._members = tuple(sorted({f for part in parts for f in getattr(part, "member_fields", ())}))
        self._mlps = [module for module in self.modules() if isinstance(module, MLP)]

    @property
    def num_labels(self) -> int:
        """T; 1 without tasks."""
        return 1 if self.tasks is None else self.tasks.num_labels

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
        if self._filled:
            filled_BF = np.diff(batch.jagged.offsets).reshape(tables.linear.shape) > 0
            tables = tables._replace(filled=torch.from_numpy(filled_BF))
        if self.tasks is not None:
            return self.tasks.logits(self.tasks(tables) + self.bias)
        terms = [_term(name, head, tables) for name, head in self.heads.items()]
        return torch.stack(terms).sum(0) + self.bias

    @torch.no_grad()
    def start_at(self, rates_T: Tensor) -> None:
        """Sets the bias so that a model whose terms are 0 gives these probabilities, float64 (T,), in (0, 1)."""
        biases = torch.logit(rates_T if self.tasks is None else self.tasks.rates_of_terms(rates_T))
        self.bias.copy_(biases.view_as(self.bias))

    @property
    def _only_deep(self) -> bool:
        """Whether no head but deep reads pooled."""
        return self.tasks is None and all(
            isinstance(head, LinearHead | FMHead | DeepHead) for head in self.heads.values()
        )


def build_model(
    config: ModelConfig,
    layout: TableLayout,
    kernels: Kernels,
    *,
    num_labels: int = 1,
    optimizer: TableOptimizer | TableOptimizers | None = None,
    seed: int = 0,
    threads: int | None = None,
    heads: Mapping[str, BuildHead] | None = None,
) -> Model:
    """A model of num_labels labels with fresh weights; the same seed gives the same, and torch's own random state stays
    as it is.

    heads: a function for each of custom_heads, for models of one label. Raises ConfigError where the configuration
    names fields that the layout lacks, or heads that are not given.
    """
    config.check_fields(layout.vocabulary_of)
    dim = config.latent_size(layout.num_fields)
    tables = Tables(layout, dim, kernels, optimizer=optimizer, field_pairs=config.pairs == "fields", threads=threads)
    tables.initialise(seed, config.embedding_scale, config.initializer, config.linear_scale)
    shape = HeadShape(config, tuple(layout.field_names), dim)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if num_labels > 1:
            kind = "shared_bottom" if config.tasks is None else config.tasks.kind
            return Model(tables, {}, TASKS[kind](shape, num_labels))
        made = {name: HEADS[name](shape) for name in config.heads or ()}
        made |= build_custom_heads(config, heads or {}, shape)
    return Model(tables, made)


def _term(name: str, head: nn.Module, tables: TableOutputs) -> Tensor:
    """(B,); raises ConfigError where a head gives something else, which broadcasting would hide."""
    term: Tensor = head(tables)
    num_examples = len(tables.linear)
    if term.shape != (num_examples,) or term.dtype != torch.float32:
        raise ConfigError(
            f'head "{name}" gave {str(term.dtype).removeprefix("torch.")} {tuple(term.shape)} for {num_examples:,} '
            "examples; its forward must return float32 (B,), a term of the logit for each"
        )
    return term
