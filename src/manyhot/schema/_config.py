"""The base of every configuration struct: types are checked however it is made, unknown keys name the nearest one."""

from __future__ import annotations

import typing
from typing import Any, TypeVar

import msgspec

from manyhot.errors import ConfigError, nearest_name

__all__ = ["Config", "convert"]

T = TypeVar("T")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A frozen struct whose values have the annotated types, lists given for tuples being turned into tuples.

    Raises ConfigError on a wrong type (msgspec itself checks only what it decodes).
    """

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(self):
            try:
                value = msgspec.convert(getattr(self, field.name), field.type)
            except msgspec.ValidationError as error:
                raise ConfigError(f"{self.place()}: {field.name}: {_sentence(error)}") from None
            msgspec.structs.force_setattr(self, field.name, value)

    def place(self) -> str:
        """What an error sentence calls this struct."""
        name = getattr(self, "name", None)
        kind = type(self).__name__.removesuffix("Config").lower()
        return kind if name is None else f'{kind} "{name}"'


def convert(data: Any, kind: type[T], where: str) -> T:
    """Like msgspec.convert, but raises ConfigError naming `where` and, for an unknown key, the nearest known one."""
    try:
        return msgspec.convert(_check_keys(data, kind, where), kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(error)}") from None


def _check_keys(data: Any, kind: Any, where: str) -> Any:
    """Refuses unknown keys; tables inside become structs first, so that their errors name their place."""
    for struct in (kind, *typing.get_args(kind)):
        if not (isinstance(data, dict) and isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
            continue
        known = {field.name: field.type for field in msgspec.structs.fields(struct)}
        for key in data:
            if key not in known:
                raise ConfigError(f'{where}: unknown key "{key}"{nearest_name(key, known.keys() - {"name"})}')
        return {key: _nested(value, known[key], f"{where}.{key}") for key, value in data.items()}
    return data


def _nested(data: Any, kind: Any, where: str) -> Any:
    for struct in (kind, *typing.get_args(kind)):
        if isinstance(data, dict) and isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            try:
                return convert(data, struct, where)
            except ConfigError as error:
                raise ConfigError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
    return data


def _sentence(error: msgspec.ValidationError) -> str:
    return str(error).replace(" - at `$.", " - at `").replace(" - at `$`", "")
