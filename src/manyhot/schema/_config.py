"""The base of every configuration struct: types are checked however it is made, unknown keys name the nearest one."""

from __future__ import annotations

import functools
import json
import re
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from manyhot.errors import ConfigError, nearest_name

__all__ = ["Config", "convert", "every_key", "first_twice"]

T = TypeVar("T")
_fields = functools.cache(msgspec.structs.fields)  # which evaluates annotations each time
_WORDS = {
    "object": "table",
    "array": "list",
    "null": "nothing",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
}


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A frozen struct whose values have the annotated types, lists given for tuples being turned into tuples.

    Raises ConfigError on a wrong type (msgspec itself checks only what it decodes).
    """

    def __post_init__(self) -> None:
        for field in _fields(type(self)):
            try:
                value = msgspec.convert(getattr(self, field.name), field.type)
            except msgspec.ValidationError as error:
                sentence = _sentence(error, {"": field.type})
                raise ConfigError(f"{self.place()}: {field.name}: {sentence}") from None
            msgspec.structs.force_setattr(self, field.name, value)

    def place(self) -> str:
        """What an error sentence calls this struct."""
        name = getattr(self, "name", None)
        kind = type(self).__name__.removesuffix("Config").lower()
        return kind if name is None else f'{kind} "{name}"'


def first_twice(names: Iterable[str]) -> str | None:
    """The first name that comes a second time; None where none does."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def convert(data: Any, kind: type[T], where: str) -> T:
    """Like msgspec.convert, but raises ConfigError naming `where` and, for an unknown key, the nearest known one."""
    try:
        return msgspec.convert(_check_keys(data, kind, where), kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(error, typing.get_type_hints(kind))}") from None


def every_key(value: Any) -> Any:
    """A struct as plain data that has every key: what it says stays when a later version has other defaults."""
    if isinstance(value, msgspec.Struct):
        return {name: every_key(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {key: every_key(item) for key, item in value.items()}
    return [every_key(item) for item in value] if isinstance(value, list | tuple) else value


def _check_keys(data: Any, kind: Any, where: str) -> Any:
    """Refuses unknown keys; tables inside become structs first, so that their errors name their place."""
    for struct in (kind, *typing.get_args(kind)):
        if not (isinstance(data, dict) and isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
            continue
        known = {field.name: field.type for field in _fields(struct)}
        for key in data:
            if key not in known:
                raise ConfigError(f'{where}: unknown key "{key}"{nearest_name(key, known.keys() - {"name"})}')
        return {key: _nested(value, known[key], f"{where}.{key}") for key, value in data.items()}
    return data


def _nested(data: Any, kind: Any, where: str) -> Any:
    if typing.get_origin(kind) is dict:
        named = typing.get_args(kind)[1]
        return {k: _nested(v, named, f"{where}.{k}") for k, v in data.items()} if isinstance(data, dict) else data
    for struct in (kind, *typing.get_args(kind)):
        if isinstance(data, dict) and isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            try:
                return convert(data, struct, where)
            except ConfigError as error:
                raise ConfigError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
    return data


def _sentence(error: msgspec.ValidationError, types: dict[str, Any]) -> str:
    """msgspec's sentence in the words of TOML: "epochs: expected whole number, got text"."""
    text, _, place = str(error).partition(" - at `$")
    place = place.rstrip("`").lstrip(".")
    text = re.sub(r"`([^`]+)`", lambda m: " | ".join(_WORDS.get(w, w) for w in m[1].split(" | ")), text)
    if text.startswith("Invalid enum value"):
        allowed = _literals(types.get(place.partition(".")[0].partition("[")[0]))
        text = f"{text.removeprefix('Invalid enum value ')} is none of {', '.join(allowed)}"
    text = text[0].lower() + text[1:]
    return f"{place}: {text}" if place else text


def _literals(kind: Any) -> list[str]:
    """The values of the Literal in a type."""
    if typing.get_origin(kind) is typing.Literal:
        return [json.dumps(value) for value in typing.get_args(kind)]
    return [value for part in typing.get_args(kind) for value in _literals(part)]
