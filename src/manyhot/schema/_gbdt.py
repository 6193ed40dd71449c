"""GBDT: the boosted trees whose leaves are the features of a field."""

from __future__ import annotations

from manyhot.errors import ConfigError

from ._config import Config, first_twice

__all__ = ["GBDT"]

# Every size is bounded, as a model file that says more than this would cost time and memory to refuse.
_RANGES = {
    "trees": (1, 10_000),
    "leaves": (2, 4096),
    "depth": (1, 32),
    "tokens": (0, 10_000),
    "min_rows": (1, 2**31 - 1),
    "sample_rows": (1, 2**31 - 1),
    "seed": (0, 2**31 - 1),
}
_MOST_LEAVES = 1_000_000


class GBDT(Config, frozen=True, kw_only=True):
    """Boosted trees on raw columns, fitted on training rows and labels; a row's leaf in each is a feature (He et al.
    2014; the winners of Criteo's competition of 2014 had 30 trees of depth 7).

    columns: of numbers; a missing one is a branch of its own.
    categories: columns of one token a row.
    tokens: that many of the most frequent tokens of `categories` become columns of 0 and 1 (the winners had 26).
    trees, leaves, depth: how many trees, leaves of each at most, and splits from a root to a leaf at most.
    learning_rate: by which each tree's values are shrunk.
    min_rows: that end in a leaf at least.
    sample_rows: the trees are grown on a sample of at most so many distinct rows, drawn by a hash of their contents.
    seed: draws another sample.

    Raises ConfigError where a number is out of range or a column is named twice.
    """

    columns: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tokens: int = 26
    trees: int = 30
    leaves: int = 128
    depth: int = 7
    learning_rate: float = 0.1
    min_rows: int = 20
    sample_rows: int = 1_000_000
    seed: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.input_columns:
            raise ConfigError("gbdt: columns and categories are empty; name at least one column")
        twice = first_twice(self.input_columns)
        if twice is not None:
            raise ConfigError(f'gbdt: column "{twice}" is named twice; remove one of them')
        for key, (low, high) in _RANGES.items():
            value = getattr(self, key)
            if not low <= value <= high:
                raise ConfigError(f"gbdt: {key} = {value} must lie between {low:,} and {high:,}")
        if self.num_leaves > _MOST_LEAVES:
            raise ConfigError(
                f"gbdt: {self.trees:,} trees of {self.leaves:,} leaves are more than {_MOST_LEAVES:,} features; "
                "lower one of the two"
            )
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"gbdt: learning_rate = {self.learning_rate:g} must lie above 0, and at 1 at most")
        if not self.columns and not self.tokens:
            raise ConfigError("gbdt: tokens = 0 leaves nothing of categories; name columns, or raise tokens")

    @property
    def input_columns(self) -> tuple[str, ...]:
        """All that a row's leaves depend on."""
        return (*self.columns, *self.categories)

    @property
    def num_leaves(self) -> int:
        """Of all trees together: ids for so many leaves are set aside."""
        return self.trees * self.leaves
