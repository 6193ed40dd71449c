"""JSON from anybody: what it can only mean in one way comes back, all else is one ValueError, soon."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhot.storage import read_json

_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # halves of surrogate pairs are no text
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(_PLAIN, st.booleans())
def test_what_python_writes_comes_back(value: object, ascii_alone: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=ascii_alone).encode()) == value


REFUSED = {
    "nothing": b"",
    "half": b'{"a": ',
    "two": b"{} {}",
    "twice": b'{"a": 1, "b": 2, "a": 1}',
    "twice below": b'[[{"a": {"x": 1, "x": 1}}]]',
    "twice, spelled differently": b'{"a": 1, "\\u0061": 2}',
    "NaN": b"[NaN]",
    "infinity": b"[-Infinity]",
    "too large a float": b"[1e999]",
    "too large an int": b"[9223372036854775808]",
    "digits": b"[" + b"9" * 4_000_000 + b"]",
    "half a pair": b'["\\ud800"]',
    "half a pair in a key": b'{"\\uDfff": 1}',
    "bytes": b'["\xff"]',
    "mark of order": b"\xef\xbb\xbf{}",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "empty lists": b"[" + b"[]," * 1_300_000 + b"[]]",
    "numbers": b"[" + b"1," * 2_000_000 + b"1]",
    "large": b" " * (4 * 2**20) + b"1",
    "closed too often": b"]" * (4 * 2**20),
    "quotes without end": b'"\\' * (2 * 2**20),
    "control characters": b'["a\nb"]',
    "many keys twice": b"{" + b",".join(b'"%d":1' % (i // 2) for i in range(200_000)) + b"}",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError):
        read_json(REFUSED[case])
    assert time.process_time() - started < 1  # each took minutes once, or none


def test_what_is_large_and_meant_is_read() -> None:
    value = {f"field {i}": [f"column {i}", {"boundaries": [i / 7, i / 3]}] for i in range(20_000)}
    assert read_json(json.dumps(value).encode()) == value
    level: object = 1
    for _ in range(32):
        level = [level]
    assert read_json(json.dumps(level).encode()) == level
    assert read_json(b'["[[[[{{{{\\\\", "\\"[", "\\ud83d\\ude00"]') == ["[[[[{{{{\\", '"[', "😀"]
