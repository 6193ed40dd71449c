"""Where two schemas differ in what rows are encoded to."""

from __future__ import annotations

import json
from typing import Any

from manyhot.schema import Schema

__all__ = ["data_schema", "schema_difference"]


def data_schema(schema: Schema) -> dict[str, Any]:
    """Plain data of all that decides ids and weights; a combiner comes after them."""
    data = schema.to_dict()
    fields = {name: {k: v for k, v in f.items() if k != "combiner"} for name, f in data["fields"].items()}
    return {**data, "fields": fields}


def schema_difference(ours: Schema, theirs: Schema) -> str | None:
    """The first difference in words, None where there is none."""
    now, then = data_schema(ours), data_schema(theirs)
    if ours.labels != theirs.labels:
        return f"the label was {_quoted(theirs.labels)}, now {_quoted(ours.labels)}"
    for kind, word in (("fields", "field"), ("vocabularies", "vocabulary")):
        for name in {**then[kind], **now[kind]}:
            if name not in now[kind] or name not in then[kind]:
                return f'{word} "{name}" {"is new" if name in now[kind] else "is gone"}'
            key = _differing_key(now[kind][name], then[kind][name])
            if key is not None:
                was, now_is = (json.dumps(side[kind][name].get(key)) for side in (then, now))
                return f'{word} "{name}": {key} was {was}, now {now_is}'
    return "the fields stand in another order" if list(now["fields"]) != list(then["fields"]) else None


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _differing_key(left: dict[str, Any], right: dict[str, Any]) -> str | None:
    return next((key for key in {**left, **right} if left.get(key) != right.get(key)), None)
