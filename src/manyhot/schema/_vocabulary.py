"""Vocabulary: a dictionary of tokens that any number of fields may share."""

from __future__ import annotations

from typing import Literal

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Vocabulary"]


class _Named(Config, frozen=True):
    name: str


class Vocabulary(_Named, frozen=True, kw_only=True):
    """A dictionary token -> feature id, shared by every field that names it; it owns one pair of tables.

    Id 0 is OOV. Known tokens get ids 1.. by descending count over all fields together, ties by token bytes.

    name: unique in a schema.
    min_count: tokens seen less often in the training data are OOV.
    max_size: keep at most this many tokens (the most frequent).
    hash_buckets: nothing is fitted; a token's id is 1 + hash(token) mod hash_buckets.
    identity: nothing is fitted; tokens are whole numbers 0..identity-1 and the id is 1 + number, others are OOV.
    oov_buckets: unknown tokens share so many ids after those of the known ones, by hash; None: they all have id 0.
    oov: "keep" unknown tokens, under the ids just said; "drop" their pairs; or "column": those of each column share an
        id of that column, after the ids of the known ones (the "less" tokens of the 2014 Criteo winners).

    Raises ConfigError where a number is out of range or two ways of giving ids are combined.
    """

    min_count: int = 1
    max_size: int | None = None
    hash_buckets: int | None = None
    identity: int | None = None
    oov_buckets: int | None = None
    oov: Literal["keep", "drop", "column"] = "keep"

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f'vocabulary "{self.name}"'
        if not self.name:
            raise ConfigError("a vocabulary needs a name that is not empty")
        for key in ("min_count", "max_size", "hash_buckets", "identity", "oov_buckets"):
            value = getattr(self, key)
            if value is not None and not 1 <= value < 2**31:
                raise ConfigError(f"{where}: {key} = {value} must lie between 1 and 2^31 - 1")
        if self.hash_buckets is not None and self.identity is not None:
            raise ConfigError(f"{where}: hash_buckets and identity exclude each other; keep one of them")
        if not self.is_fitted and (self.min_count != 1 or self.max_size is not None):
            fixed = "hash_buckets" if self.hash_buckets is not None else "identity"
            raise ConfigError(f"{where}: {fixed} counts no tokens, so min_count and max_size mean nothing; remove them")
        for key, is_set in (("oov_buckets", self.oov_buckets is not None), ("oov", self.oov != "keep")):
            if is_set and self.hash_buckets is not None:
                raise ConfigError(f"{where}: hash_buckets knows every token, so {key} means nothing; remove it")
        if self.oov_buckets is not None and self.oov != "keep":
            raise ConfigError(
                f'{where}: oov = "{self.oov}" leaves no unknown token for oov_buckets; remove one of the two'
            )

    @property
    def is_fitted(self) -> bool:
        """Whether ids come from counting the training data."""
        return self.hash_buckets is None and self.identity is None
