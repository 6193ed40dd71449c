"""Lines of libsvm, libffm and VW text taken apart slowly, in plain Python, one character rule at a time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
from test_text_grammar import number, trim

Bag = list[tuple[str, float]]


@dataclass
class Line:
    """What one line holds: single values, and bags by name."""

    values: dict[str, str]
    bags: dict[str, Bag] = field(default_factory=dict)

    def add(self, name: str, token: str, weight: float | None) -> None:
        if weight is None or not token or not name:
            raise ValueError
        self.bags.setdefault(name, []).append((token, weight))


def pieces(text: str) -> list[str]:
    return [piece for piece in re.split("[ \t]", text) if piece]


def label(text: str) -> str:
    value = number(text)
    return {1.0: "1", 0.0: "0", -1.0: "0"}.get(value, text) if value is not None else text


def libsvm(text: str) -> Line:
    parts, line = pieces(text), Line({})
    if ":" not in parts[0]:
        line.values["label"] = label(parts.pop(0))
    if parts and parts[0].startswith("qid:"):
        line.values["qid"] = parts.pop(0)[4:]
        if not line.values["qid"]:
            raise ValueError
    for part in parts:
        if part.startswith("#"):
            break
        token, colon, weight = part.rpartition(":")
        line.add("features", token, number(weight) if colon else None)
    return line


def libffm(text: str) -> Line:
    text, _, comment = text.partition("%")
    line = Line({"comment": trim(comment)} if trim(comment) else {})
    parts = pieces(text)
    if parts and ":" not in parts[0]:
        line.values["label"] = label(parts.pop(0))
    for part in parts:
        name, rest = part.split(":", 1)
        token, weight = rest.rsplit(":", 1)
        line.add(name, token, number(weight))
    return line


def vw(text: str) -> Line:
    head, *spaces = text.split("|")
    words = pieces(head)
    line = Line({"importance": "1"})
    if not spaces:
        raise ValueError
    if words and (words[-1].startswith("'") or head.endswith(words[-1])):
        tag = words.pop().removeprefix("'")
        line.values |= {"tag": tag} if tag else {}
    if len(words) > 3:
        raise ValueError
    for key, word in zip(("label", "importance", "base"), words, strict=False):
        line.values[key] = label(word) if key == "label" else word
    for space in spaces:
        parts, name, scale = pieces(space), "features", 1.0
        if space and space[0] not in " \t":
            name, colon, written = parts.pop(0).rpartition(":")
            name, value = (name, number(written)) if colon else (written, 1.0)
            if value is None or not name:
                raise ValueError
            scale = value
        for part in parts:
            token, colon, written = part.rpartition(":")
            token, value = (token, number(written)) if colon else (written, 1.0)
            if value is None:
                raise ValueError
            with np.errstate(over="ignore"):
                product = float(np.float32(value) * np.float32(scale))
            line.add(name, token, product if math.isfinite(product) else None)
    return line


GRAMMARS = {"libsvm": libsvm, "libffm": libffm, "vw": vw}


def read(name: str, data: bytes) -> tuple[dict[int, Line], set[int]]:
    """The rows by the number of their line, and the numbers of the bad lines."""
    rows, bad = {}, set()
    for i, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = trim(raw.decode())
            if text and not (name == "libsvm" and text.startswith("#")):
                rows[i] = GRAMMARS[name](text)
        except ValueError:  # UnicodeDecodeError is one
            bad.add(i)
    return rows, bad
