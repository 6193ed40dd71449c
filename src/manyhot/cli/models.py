"""manyhot models [NAME]"""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from manyhot.errors import ConfigError, nearest_name
from manyhot.schema import HEADS, MLP_OPTIONS, MODELS

from ._console import console
from ._model_options import example, meanings, options_of, toml_of

__all__ = ["models"]


def models(name: str | None = None, /, *, as_json: bool = False) -> None:
    """The models there are: terms, options, papers. With a name: its options, their defaults, and a [model] to paste.

    Parameters
    ----------
    name
        A model, as "dcnv2". Without it all are listed, and the heads that an experiment may combine itself.
    as_json
        Print JSON instead of tables.
    """
    if name is not None and name not in MODELS:
        raise ConfigError(f'there is no model "{name}"{nearest_name(name, MODELS)}')
    if as_json:
        console.print(json.dumps(_all() if name is None else _one(name)))
    elif name is None:
        _show_all()
    else:
        _show(name)


def _all() -> dict[str, object]:
    return {
        "models": [{"name": name, **kind._asdict(), "options": _options(kind.heads)} for name, kind in MODELS.items()],
        "heads": [{"name": name, **kind._asdict()} for name, kind in HEADS.items()],
    }


def _one(name: str) -> dict[str, object]:
    kind, config = MODELS[name], example(name)
    options = [
        {"key": o.key, **({"needed": True} if o.is_needed else {"default": o.value}), "values": o.kind}
        for o in options_of(config)
    ]
    return {
        "name": name,
        "title": kind.title,
        "paper": kind.paper,
        "heads": [{"name": head, **HEADS[head]._asdict()} for head in kind.heads],
        "options": options,
        "toml": toml_of(config),
    }


def _show_all() -> None:
    rows = ((n, k.title, " + ".join(k.heads), _shortly(_options(k.heads)), k.paper) for n, k in MODELS.items())
    _print("name", "model", "sum of", "options", "paper", rows=rows)
    console.print()
    _print("head", "term of the logit", "options", "paper", rows=map(_head, HEADS))
    console.print(f"\nMLP: {', '.join(MLP_OPTIONS)}")
    console.print('manyhot models NAME shows the options of one; heads = ["linear", ...] makes a sum of your own')


def _show(name: str) -> None:
    kind, config = MODELS[name], example(name)
    console.print(f"{kind.title}: {kind.paper}" if kind.paper else kind.title)
    console.print(f"logit = {' + '.join([*kind.heads, 'bias'])}\n")
    _print("head", "term of the logit", "options", "paper", rows=map(_head, kind.heads))
    console.print()
    rows = ((o.key, "needed" if o.is_needed else o.value, o.kind) for o in options_of(config))
    _print("key", "default", "values", rows=rows)
    for text in meanings(config):
        console.print(f"\n{text}", soft_wrap=False)
    console.print(f"\n{toml_of(config)}")


def _head(name: str) -> tuple[str, ...]:
    kind = HEADS[name]
    return name, kind.term, _shortly(kind.options), kind.paper


def _options(heads: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(option for head in heads for option in HEADS[head].options))


def _shortly(options: Iterable[str]) -> str:
    """With "MLP" for the four keys of one."""
    return ", ".join(dict.fromkeys("MLP" if option in MLP_OPTIONS else option for option in options))


def _print(*headings: str, rows: Iterable[tuple[str, ...]]) -> None:
    """A table no wider than the terminal; cells fold."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "model", "head", "key"))
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table, soft_wrap=False)
