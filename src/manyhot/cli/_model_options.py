"""The keys of [model] that a model reads, with their defaults: out of the structs that check them. No torch here."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from manyhot.schema import HEADS, MODELS, ModelConfig, convert

__all__ = ["Option", "example", "meanings", "options_of", "toml_of"]

_LATENT_KEYS = ("embedding_dim", "embedding_scale")
_HEADS_WITH_BIASES = ("linear", "fm", "deep")
_KINDS = {int: "whole number", float: "number", bool: "true, false", str: "name"}
# Keys without a default, as somebody might write them.
_EXAMPLES = {"candidates": {"history": "item"}}


class Option(NamedTuple):
    """key: under [model], as "cross.layers". default: in the words of TOML; "" where unset. values: what it may be."""

    key: str
    default: str
    values: str


def options_of(name: str) -> list[Option]:
    """Those of a model's heads, the common ones first."""
    config = example(name)
    found = []
    for key, value, kind in _keys(config):
        if isinstance(value, msgspec.Struct):
            for field in msgspec.structs.fields(value):
                default = "needed" if field.required else _toml(getattr(value, field.name))
                found.append(Option(f"{key}.{field.name}", default, _values(field.type)))
        else:
            found.append(Option(key, _toml(value), _values(kind)))
    return found


def meanings(name: str) -> list[str]:
    """What the options of its single heads mean: a text for each table under [model]."""
    structs = [value for _, value, _ in _keys(example(name)) if isinstance(value, msgspec.Struct)]
    return [_unfolded(type(struct).__doc__ or "") for struct in structs]


def toml_of(name: str) -> str:
    """A [model] that spells out every default, ready to be changed; what is unset is a comment."""
    config = example(name)
    own, tables = ["[model]", f'name = "{name}"'], []
    for key, value, kind in _keys(config):
        if isinstance(value, msgspec.Struct):
            fields = msgspec.structs.fields(value)
            tables += ["", f"[model.{key}]", *(_line(f.name, getattr(value, f.name), f.type) for f in fields)]
        else:
            own.append(_line(key, value, kind))
    return "\n".join([*own, *tables])


def example(name: str) -> ModelConfig:
    """The model with every default written down, and names of fields where it needs some."""
    keys = {key for head in MODELS[name].heads for key in HEADS[head].options}
    data: dict[str, Any] = {"name": name}
    for field in msgspec.structs.fields(ModelConfig):
        kind = next((k for k in typing.get_args(field.type) if isinstance(k, type)), None)
        if field.name in keys and kind is not None and issubclass(kind, msgspec.Struct):
            needed = (inner.name for inner in msgspec.structs.fields(kind) if inner.required)
            data[field.name] = {key: _EXAMPLES[key] for key in needed}
    return convert(data, ModelConfig, "model")


def _keys(config: ModelConfig) -> Iterator[tuple[str, Any, Any]]:
    """Each key of the model, its value and its type, in the order of ModelConfig."""
    heads = config.heads or ()
    keys = {key for head in heads for key in HEADS[head].options}
    if config.has_latent:
        keys.update(_LATENT_KEYS)
    if any(head in _HEADS_WITH_BIASES for head in heads):
        keys.add("head_biases")
    for field in msgspec.structs.fields(ModelConfig):
        if field.name in keys:
            yield field.name, getattr(config, field.name), field.type


def _line(key: str, value: Any, kind: Any) -> str:
    if value is None:
        return f"# {key} is unset: {_values(kind)}"
    return f"{key} = {_toml(value)}" + ("  # your fields" if key in _EXAMPLES else "")


def _toml(value: Any) -> str:
    """JSON is TOML but for tables; None is ""."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + " }"
    return "" if value is None else json.dumps(value)


def _values(kind: Any) -> str:
    """What a type allows, in words."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return ", ".join(map(json.dumps, inside))
    if origin is tuple:
        return f"list of {_values(inside[0])}s"
    if origin is dict:
        return f"{_values(inside[0])} = {_values(inside[1])}, ..."
    if inside:  # an option that may be unset
        return ", ".join(_values(k) for k in inside if k is not type(None))
    return _KINDS[kind]


def _unfolded(doc: str) -> str:
    """A docstring with its paragraphs on one line each."""
    paragraphs = doc.strip().split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
