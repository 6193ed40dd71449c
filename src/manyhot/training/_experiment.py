"""What must be the same for a training to go on from a checkpoint, and how to say what is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import torch

from manyhot.data import Examples
from manyhot.schema import ModelConfig, Schema, TrainingConfig, every_key
from manyhot.storage import VERSION

__all__ = ["difference", "experiment", "keys_of", "machine", "rows_of", "with_new_keys"]

# What decides no number that is trained (threads: but for the last digit of an MLP, which is told); and what is done
# about bad batches, so that a training that ended by one can go on.
_FREE = ("checkpoints", "threads", "non_finite", "exploding_loss")


def experiment(schema: Schema, model: ModelConfig, training: TrainingConfig) -> dict[str, Any]:
    """All keys, given or not, by their sections as in an experiment file; plain JSON."""
    of_rows = schema.to_dict(complete=True)
    of_rows = {
        "fields": of_rows.pop("fields"),
        **of_rows,
        "vocabularies": dict(sorted(of_rows["vocabularies"].items())),
    }
    return _as_json({**of_rows, "model": every_key(model), **keys_of(training)})


def keys_of(training: TrainingConfig) -> dict[str, Any]:
    """Those that decide what is trained."""
    return _as_json({"training": {key: value for key, value in every_key(training).items() if key not in _FREE}})


def with_new_keys(then: dict[str, Any]) -> dict[str, Any]:
    """What an earlier version wrote, with the keys that it did not know at the defaults that they have now, and without
    those that decide nothing any more."""
    known = {"training": _defaults(TrainingConfig), "model": _defaults(ModelConfig)}
    filled = {name: {**keys, **then[name]} for name, keys in known.items() if isinstance(then.get(name), dict)}
    for key in _FREE:
        filled.get("training", {}).pop(key, None)
    return {**then, **filled}


def rows_of(parts: Mapping[str, Examples], encoder_fingerprint: str) -> dict[str, Any]:
    """What tells the rows of each part from others."""
    numbers = {f"the number of rows of {name}": part.num_rows for name, part in parts.items()}
    contents = {f"the fingerprint of {name}": part.fingerprint()[:16] for name, part in parts.items()}
    return {**numbers, "the fingerprint of the encoder": encoder_fingerprint[:16], **contents}


def machine() -> dict[str, Any]:
    """What may change the last digits, and forbids nothing."""
    return {
        "manyhot": VERSION,
        "torch": torch.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


def difference(then: Mapping[str, Any], now: Mapping[str, Any], place: str = "") -> str | None:
    """The first one in words, as "training.seed was 1, is 2"; None where there is none."""
    for key in {**then, **now}:
        name = f"{place}{key}"
        if key not in now or key not in then:
            return f"{name} is {'new' if key in now else 'gone'}"
        was, is_now = then[key], now[key]
        if isinstance(was, dict) and isinstance(is_now, dict):
            found = difference(was, is_now, f"{name}.")
            if found is not None:
                return found
        elif was != is_now:
            return f"{name} was {_shown(was)}, is {_shown(is_now)}"
    return f"the order of {place.rstrip('.')} is another" if list(then) != list(now) else None


def _defaults(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Of the keys that decide what is trained."""
    fields = (of for of in msgspec.structs.fields(kind) if of.name not in _FREE)
    return _as_json({of.name: None if of.default is msgspec.NODEFAULT else every_key(of.default) for of in fields})


def _as_json(data: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from a file, which knows no infinity: that is text."""
    plain: dict[str, Any] = json.loads(json.dumps(data), parse_constant=str)
    return plain


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
