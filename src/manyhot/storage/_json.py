"""JSON out of a file that may come from anybody: one meaning, bounded work, plain data."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np

__all__ = ["MOST_BYTES", "read_json"]

MOST_BYTES = 4 * 2**20
# A parser calls itself for each level, and an empty list of two bytes takes thirty times that in memory. A schema of
# 10,000 fields has fewer values. At the limit, reading takes some tenths of a second; headers are mostly far from it.
_MOST_VALUES = 2**18
_MOST_LEVELS = 32
_LARGEST = 2**63
_STEPS = np.zeros(256, np.int8)  # from one level to the next
_STEPS[[ord("["), ord("{")]], _STEPS[[ord("]"), ord("}")]] = 1, -1


def read_json(data: bytes) -> Any:
    """The value that UTF-8 JSON spells: dict, list, str, int, float, bool, None.

    Refused is what readers disagree about or what cannot be meant: a key twice in one object, NaN and infinity, numbers
    outside float64 or int64, halves of surrogate pairs, more than 32 levels, 2^18 values or 4 MiB. Raises ValueError.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"the JSON is {len(data):,} bytes long; at most {MOST_BYTES:,} are read")
    _check_structure(data)
    text = data.decode()
    value = json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_float=_float,
        parse_int=_int,
    )
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("the JSON holds half of a surrogate pair, which is no text") from None
    return value


def _check_structure(data: bytes) -> None:
    """Counts what stands outside strings before a parser sees it, in a time that depends on the length alone."""
    unescaped = data.replace(b"\\\\", b"..").replace(b'\\"', b"..")
    letters = np.frombuffer(unescaped, np.uint8)
    outside = np.bitwise_xor.accumulate((letters == ord('"')).view(np.uint8)) == 0 if len(letters) else letters
    bare = letters[outside.astype(np.bool_)]
    steps = _STEPS[bare]
    if np.count_nonzero(steps > 0) + np.count_nonzero(bare == ord(",")) > _MOST_VALUES:
        raise ValueError(f"the JSON has more than {_MOST_VALUES:,} values")
    levels = np.cumsum(steps[steps != 0], dtype=np.int32)
    if len(levels) and levels.max() > _MOST_LEVELS:
        raise ValueError(f"the JSON is nested more than {_MOST_LEVELS} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object of the JSON")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"the JSON holds {text}, which is no number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the JSON holds {text[:40]}, which is too large for float64")
    return value


def _int(text: str) -> int:
    # the digits are counted first: turning a million of them into a number takes minutes
    value = int(text) if len(text) <= 20 else _LARGEST
    if not -_LARGEST <= value < _LARGEST:
        raise ValueError(f"the JSON holds the number {text[:40]}, which is too large for int64")
    return value
