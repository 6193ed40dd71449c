"""The keys of [model] that a model reads, with their defaults: out of the structs that check them. No torch here."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from manyhot.schema import HEADS, MODELS, ModelConfig, convert

__all__ = ["Option", "example", "meanings", "options_of", "toml_of"]

_UNSCALED = ("glorot", "zeros")  # initializers
_WITH_BIASES = ("linear", "fm")  # and every head with an MLP
_KINDS = {int: "whole number", float: "number", bool: "true, false", str: "name"}
# Keys without a default, as somebody might write them.
_EXAMPLES = {"candidates": {"history": "item"}}
# Key of [model] -> the struct of its table, for the heads that have one.
_STRUCTS: dict[str, type[msgspec.Struct]] = {
    field.name: kind
    for field in msgspec.structs.fields(ModelConfig)
    for kind in typing.get_args(field.type)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
}


class Option(NamedTuple):
    """key: under [model], as "cross.layers". value: in TOML, "" where unset. kind: what it may be, in words.

    is_needed: it has no default.
    """

    key: str
    value: str
    kind: str
    is_needed: bool


def options_of(config: ModelConfig) -> list[Option]:
    """Those that its heads read, the common ones first."""
    found = []
    for key, value, kind in _keys(config):
        if isinstance(value, msgspec.Struct):
            for field in msgspec.structs.fields(value):
                text = _toml(getattr(value, field.name))
                found.append(Option(f"{key}.{field.name}", text, _words(field.type), field.required))
        else:
            found.append(Option(key, _toml(value), _words(kind), False))
    return found


def meanings(config: ModelConfig) -> list[str]:
    """What the options of its single heads mean: a text for each table under [model]."""
    structs = [value for _, value, _ in _keys(config) if isinstance(value, msgspec.Struct)]
    return [_unfolded(type(struct).__doc__ or "") for struct in structs]


def toml_of(config: ModelConfig) -> str:
    """A [model] that spells out every option, ready to be changed; what is unset is a comment."""
    own, tables = ["[model]", f'name = "{config.name}"'], []
    for key, value, kind in _keys(config):
        if isinstance(value, msgspec.Struct):
            fields = msgspec.structs.fields(value)
            tables += ["", f"[model.{key}]", *(_line(f.name, getattr(value, f.name), f.type) for f in fields)]
        else:
            own.append(_line(key, value, kind))
    return "\n".join([*own, *tables])


def example(name: str) -> ModelConfig:
    """The model of that name with its defaults, and with names of fields where it needs some."""
    keys = [key for head in MODELS[name].heads for key in HEADS[head].options]
    needed = {
        key: [f.name for f in msgspec.structs.fields(_STRUCTS[key]) if f.required] for key in keys if key in _STRUCTS
    }
    tables = {key: {name: _EXAMPLES[name] for name in names} for key, names in needed.items()}
    return convert({"name": name, **tables}, ModelConfig, "model")


def _keys(config: ModelConfig) -> Iterator[tuple[str, Any, Any]]:
    """Each key that the model reads, its value and its type, in the order of ModelConfig."""
    heads = config.heads or ()
    keys = {key for head in heads for key in HEADS[head].options} | {"initializer"}
    if config.has_latent:
        keys.add("embedding_dim")
    if config.initializer not in _UNSCALED:
        keys.update(("linear_scale", "embedding_scale") if config.has_latent else ("linear_scale",))
    if "hidden_units" in keys or any(head in _WITH_BIASES for head in heads):
        keys.add("head_biases")
    for field in msgspec.structs.fields(ModelConfig):
        if field.name in keys:
            value = getattr(config, field.name)
            yield field.name, _STRUCTS[field.name]() if value is None and field.name in _STRUCTS else value, field.type


def _line(key: str, value: Any, kind: Any) -> str:
    if value is None:
        return f"# {key} is unset: {_words(kind)}"
    return f"{key} = {_toml(value)}" + ("  # your fields" if key in _EXAMPLES else "")


def _toml(value: Any) -> str:
    """JSON is TOML but for tables; None is ""."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + " }"
    return "" if value is None else json.dumps(value)


def _words(kind: Any) -> str:
    """What a type allows, in words."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return ", ".join(map(json.dumps, inside))
    if origin is tuple:
        return f"list of {_words(inside[0])}s"
    if origin is dict:
        return f"{_words(inside[0])} = {_words(inside[1])}, ..."
    if inside:  # an option that may be unset
        return ", ".join(_words(k) for k in inside if k is not type(None))
    return _KINDS[kind]


def _unfolded(doc: str) -> str:
    """A docstring with its paragraphs on one line each."""
    paragraphs = doc.strip().split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
