"""Crosses: which fields may be crossed."""

from __future__ import annotations

from collections.abc import Sequence

from manyhot.errors import ConfigError, nearest_name

from ._field import Field
from ._vocabulary import Vocabulary

__all__ = ["check_crosses"]


def check_crosses(fields: Sequence[Field]) -> None:
    """fields: all of a schema, each holding its Vocabulary. Raises ConfigError for a cross that cannot be meant."""
    known = {field.name: field for field in fields}
    owner: dict[frozenset[str], str] = {}
    for field in fields:
        if field.cross is None:
            continue
        where = f'field "{field.name}"'
        for name in field.cross:
            if name not in known:
                choices = known.keys() - {field.name}
                raise ConfigError(f'{where}: cross: there is no field "{name}"{nearest_name(name, choices)}')
            _check_pair(field, known[name])
        if isinstance(field.vocabulary, Vocabulary) and field.vocabulary.identity is not None:
            raise ConfigError(f"{where}: joined tokens are no whole numbers; remove identity from its vocabulary")
        twin = owner.setdefault(frozenset(field.cross), field.name)
        if twin != field.name:
            raise ConfigError(f'{where}: crosses the same fields as field "{twin}"; remove one of them')


def _check_pair(field: Field, crossed: Field) -> None:
    where = f'field "{field.name}": cross: field "{crossed.name}"'
    if crossed.cross is not None:
        raise ConfigError(f"{where} is a cross itself; name the fields it crosses")
    if crossed.gbdt is not None:
        raise ConfigError(f"{where} holds leaves of trees, which cross columns by themselves; name other fields")
    if crossed.is_value:
        raise ConfigError(f"{where} holds numbers, not tokens; end its transforms in a bucket")
    counted = isinstance(field.vocabulary, Vocabulary) and field.vocabulary.is_fitted
    if counted and crossed.has_fitted_buckets:
        # One pass over the rows counts tokens and fits transforms: these buckets are known only after it.
        raise ConfigError(
            f"{where} has buckets that are fitted, so tokens with them cannot be counted; "
            f'set hash_buckets in vocabulary "{field.vocabulary_name}"'
        )
