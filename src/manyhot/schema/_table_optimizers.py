"""Optimizers that differ by part and by vocabulary: changes to the one of all tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from ._config import Config
from ._optimizers import TableOptimizer

__all__ = ["TableChanges", "TableOptimizers", "VocabularyTables"]


class TableChanges(Config, frozen=True, kw_only=True):
    """Keys of a TableOptimizer that take the place of another one's; None leaves them. With an `optimizer` of another
    name nothing of the other one is left: what is not given has its default."""

    optimizer: Literal["sgd", "adagrad", "rowwise_adagrad", "proximal_adagrad", "ftrl", "adam", "adamw"] | None = None
    learning_rate: float | None = None
    l1: float | None = None
    l2: float | None = None
    l2_rows: Literal["touched", "all"] | None = None
    weight_decay: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    epsilon: float | None = None
    initial_accumulator: float | None = None

    def applied(self, to: TableOptimizer) -> TableOptimizer:
        """The changed optimizer. Raises ConfigError for keys that it does not have."""
        keys = TableOptimizer.__struct_fields__
        given = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        if self.optimizer in (None, to.optimizer):
            return msgspec.structs.replace(to, **given)
        return TableOptimizer(**given)


class VocabularyTables(TableChanges, frozen=True, kw_only=True):
    """Changes for both tables of one vocabulary; linear_tables: further ones for its linear weights."""

    linear_tables: TableChanges | None = None


class TableOptimizers(NamedTuple):
    """tables: of all tables; linear_tables: changes for linear weights; vocabularies: changes by name."""

    tables: TableOptimizer
    linear_tables: TableChanges | None = None
    vocabularies: Mapping[str, VocabularyTables] = MappingProxyType({})

    def of(self, vocabulary: str) -> tuple[TableOptimizer, TableOptimizer]:
        """Of the latent numbers and of the linear weights of a vocabulary: `tables`, changed for the linear weights by
        `linear_tables`, and then by what stands under the vocabulary."""
        latent, linear = self.tables, self.tables
        if self.linear_tables is not None:
            linear = self.linear_tables.applied(linear)
        changes = self.vocabularies.get(vocabulary)
        if changes is not None:
            latent, linear = changes.applied(latent), changes.applied(linear)
            if changes.linear_tables is not None:
                linear = changes.linear_tables.applied(linear)
        return latent, linear
