"""Schema: labels and fields over shared vocabularies; to and from plain dictionaries."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import msgspec

from manyhot.errors import ConfigError, nearest_name

from ._config import Config, convert, every_key
from ._crosses import check_crosses
from ._derived import check_leaves, default_vocabulary
from ._field import Field
from ._labels import labels_of
from ._vocabulary import Vocabulary

__all__ = ["Schema"]


_ROW_COLUMNS = ("example_weights", "group", "time")


class Schema(Config, frozen=True, kw_only=True, dict=True):
    """What a row means: the label column and the fields, in order, and what else there is to say of a row.

    Fields that name the same vocabulary share its tables. A name that no vocabulary has, two different vocabularies of
    one name, or a column used twice raises ConfigError. After construction every field holds its Vocabulary object.

    label: column of 0/1 (bool, int, float or text).
    labels: several such columns, instead of one, that one model learns together. Afterwards the names stand here in
        either case, and label is None where there are several.
    fields: at least one.
    vocabularies: only needed for fields that give a vocabulary by name.
    example_weights: column of numbers from 0: how much a row counts in the loss and in metrics; None: all alike.
    group: column whose token says which rows are compared with each other (GAUC), a user or a session.
    time: column of when a row happened, for a split by time.
    Scoring reads none of the last three, nor the label.
    """

    label: str | None = None
    labels: tuple[str, ...] = ()
    fields: tuple[Field, ...]
    vocabularies: tuple[Vocabulary, ...] = ()
    example_weights: str | None = None
    group: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        labels = labels_of("schema", self.label, self.labels)
        msgspec.structs.force_setattr(self, "labels", labels)
        msgspec.structs.force_setattr(self, "label", labels[0] if len(labels) == 1 else None)
        if not self.fields:
            raise ConfigError("schema: fields is empty; name at least one field")
        known = _known_vocabularies(self.fields, self.vocabularies)
        fields, used = [], {}
        for field in self.fields:
            name = field.vocabulary_name
            if isinstance(field.vocabulary, str) and name not in known:
                raise ConfigError(f'field "{field.name}": there is no vocabulary "{name}"{nearest_name(name, known)}')
            used[name] = known.setdefault(name, default_vocabulary(field))
            _check_missing(field, used[name])
            fields.append(msgspec.structs.replace(field, vocabulary=used[name]))
        unused = set(known) - set(used)
        if unused:
            raise ConfigError(f'vocabulary "{min(unused)}" is used by no field; remove it or name it in a field')
        for key in _ROW_COLUMNS:
            if getattr(self, key) in labels:
                raise ConfigError(f'{key} = "{getattr(self, key)}" is the label; name another column')
        _check_columns(labels, self.fields)
        check_crosses(fields)
        check_leaves(fields)
        msgspec.structs.force_setattr(self, "fields", tuple(fields))
        msgspec.structs.force_setattr(self, "vocabularies", tuple(used.values()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the fields read, in order, once each; the label is not among them."""
        return tuple(dict.fromkeys(column for field in self.fields for column in field.columns_read))

    def columns_of(self, vocabulary: str) -> tuple[str, ...]:
        """What gives tokens to a vocabulary, by name, once each: columns; crosses and trees by their field's name."""
        return self._columns_by_vocabulary.get(vocabulary, ())

    @functools.cached_property  # asked for each vocabulary and field, of which there may be thousands
    def _columns_by_vocabulary(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for field in self.fields:
            found.setdefault(field.vocabulary_name, set()).update(field.input_columns or (field.name,))
        return {vocabulary: tuple(sorted(names)) for vocabulary, names in found.items()}

    @property
    def vocabulary_of(self) -> dict[str, str]:
        """Field -> the name of its vocabulary, in the order of the fields."""
        return {field.name: field.vocabulary_name for field in self.fields}

    def to_dict(self, *, complete: bool = False) -> dict[str, Any]:
        """Plain data; `Schema.from_dict` turns it back. complete: with the keys that have their default value, too, and
        the combiners that come of it, so that it means the same to a version with other defaults."""
        vocabularies = {v.name: _without_name(v, complete) for v in self.vocabularies}
        fields = {}
        for of in self.fields:
            combiner = of.effective_combiner if complete else of.combiner
            named = msgspec.structs.replace(of, vocabulary=of.vocabulary_name, combiner=combiner)
            fields[of.name] = _without_name(named, complete)
        rows = {key: getattr(self, key) for key in _ROW_COLUMNS if getattr(self, key) is not None}
        label = {"labels": list(self.labels)} if self.label is None else {"label": self.label}
        return {**label, **rows, "vocabularies": vocabularies, "fields": fields}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Schema:
        """From {"label": .., "vocabularies": {name: {..}}, "fields": {name: {..}}}, or with "labels": [..], and, where
        there are any, "example_weights", "group", "time". Raises ConfigError."""
        vocabularies = tuple(
            convert(
                {"name": name, **_table(value, f"vocabularies.{name}", named=True)}, Vocabulary, f"vocabularies.{name}"
            )
            for name, value in _table(data.get("vocabularies", {}), "vocabularies").items()
        )
        fields = tuple(
            convert({"name": name, **_table(value, f"fields.{name}", named=True)}, Field, f"fields.{name}")
            for name, value in _table(data.get("fields", {}), "fields").items()
        )
        rows = {key: data.get(key) for key in ("label", *_ROW_COLUMNS)} | {"labels": tuple(data.get("labels", ()))}
        return cls(fields=fields, vocabularies=vocabularies, **rows)


def _table(value: object, where: str, named: bool = False) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a table; write [{where}]")
    if named and "name" in value:
        raise ConfigError(f'{where}: unknown key "name"; the name stands in [{where}]')
    return value


def _without_name(struct: msgspec.Struct, complete: bool) -> dict[str, Any]:
    data: dict[str, Any] = every_key(struct) if complete else msgspec.to_builtins(struct)
    return {key: value for key, value in data.items() if key != "name"}


def _known_vocabularies(fields: Sequence[Field], given: Sequence[Vocabulary]) -> dict[str, Vocabulary]:
    known: dict[str, Vocabulary] = {}
    for vocabulary in (*given, *(f.vocabulary for f in fields)):
        if isinstance(vocabulary, Vocabulary) and known.setdefault(vocabulary.name, vocabulary) != vocabulary:
            raise ConfigError(
                f'two different vocabularies are named "{vocabulary.name}"; give one of them another name'
            )
    return known


def _check_missing(field: Field, vocabulary: Vocabulary) -> None:
    where = f'field "{field.name}": missing = "{field.missing}"'
    if field.missing == "oov" and vocabulary.oov == "drop":
        raise ConfigError(
            f'{where} makes pairs that vocabulary "{vocabulary.name}" drops; use missing = "token", or "empty"'
        )
    if field.missing == "token" and vocabulary.identity is not None:
        raise ConfigError(
            f'{where} needs a token, and vocabulary "{vocabulary.name}" knows whole numbers alone; use missing = "oov"'
        )


def _check_columns(labels: Sequence[str], fields: Sequence[Field]) -> None:
    """A column read twice in the same way is a slip, and the label among the columns a leak.

    (One number may feed two fields with different transforms, a value and a bucket, say.)
    """
    names: set[str] = set()
    label_names = set(labels)
    owner: dict[object, str] = {}
    for field in fields:
        if field.name in names:
            raise ConfigError(f'two fields are named "{field.name}"; give one of them another name')
        names.add(field.name)
        leaked = next((column for column in field.columns_read if column in label_names), None)
        if leaked is not None:
            raise ConfigError(f'field "{field.name}": column "{leaked}" is the label; a model may not read it')
        if field.gbdt is not None:
            if len(labels) > 1:
                raise ConfigError(f'field "{field.name}": gbdt grows trees for one label, and there are {len(labels)}')
            continue  # trees read columns that other fields read too
        for column in field.columns_read:
            reading = (column, field.steps(column) if field.numeric is not None else None)
            if reading in owner:
                raise ConfigError(
                    f'column "{column}" feeds both field "{owner[reading]}" and field "{field.name}" in the same way; '
                    "remove one of them"
                )
            owner[reading] = field.name
