"""Fields whose tokens are made and not read, crosses and leaves: their vocabularies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from manyhot.errors import ConfigError

from ._field import Field
from ._vocabulary import Vocabulary

__all__ = ["check_leaves", "default_vocabulary"]

_CROSS_BUCKETS = 100_000


def default_vocabulary(field: Field) -> Vocabulary:
    """Where a schema says nothing of it: fitted; hashed for a cross, whose tokens are too many to count; an id for each
    leaf of trees."""
    if field.gbdt is not None:
        return Vocabulary(field.vocabulary_name, identity=field.gbdt.num_leaves)
    return Vocabulary(field.vocabulary_name, hash_buckets=_CROSS_BUCKETS if field.cross is not None else None)


def check_leaves(fields: Sequence[Field]) -> None:
    """fields: all of a schema, each holding its Vocabulary. Raises ConfigError where one of leaves has another
    vocabulary than its own."""
    sharing = Counter(field.vocabulary_name for field in fields)
    for field in fields:
        if field.gbdt is None:
            continue
        if field.vocabulary != default_vocabulary(field) or sharing[field.vocabulary_name] > 1:
            raise ConfigError(
                f'field "{field.name}": the leaves of its trees have a vocabulary of their own; remove the options of '
                f'vocabulary "{field.vocabulary_name}", and let no other field name it'
            )
