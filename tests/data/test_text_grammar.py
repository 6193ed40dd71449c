"""Bags written as text against a slow parser in plain Python."""

from __future__ import annotations

import itertools
import math
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from row_lists import bags_as_tokens, encode, fit, schema_of, with_label

from manyhot.errors import BadRowsError
from manyhot.kernels import Tokens, parse_bags
from manyhot.schema import Field, Separators

Bag = list[tuple[str, float]]


def trim(text: str) -> str:
    return text.lstrip(" \t").rstrip(" \t\r")


def number(text: str) -> float | None:
    """float() without underscores, white space, other digits than 0-9, inf and nan; rounded to float32."""
    if not text.isascii() or "_" in text or text != "".join(text.split()):
        return None
    try:
        value = float(text)
        rounded = struct.unpack("f", struct.pack("f", value))[0]
    except (ValueError, OverflowError):
        return None
    return rounded if math.isfinite(rounded) else None


def definition(text: str, pair_separator: str, weight_separator: str | None) -> Bag | None:
    """The bag, or None where the text is bad."""
    if not trim(text):
        return []
    bag = []
    for part in trim(text).split(pair_separator):
        token, weight = trim(part), 1.0
        if weight_separator is not None:
            token, separator, written = token.rpartition(weight_separator)
            weight = number(trim(written)) if separator else None
        if weight is None or not trim(token):
            return None
        bag.append((trim(token), weight))
    return bag


def fast(texts: list[str], pair_separator: str, weight_separator: str | None) -> list[Bag | None]:
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], np.int32)
    starts = (np.cumsum(lengths) - lengths).astype(np.int64)
    spans = Tokens(np.frombuffer(b"".join(encoded), np.uint8), starts, lengths)
    tokens, weights, offsets, bad_rows, _ = parse_bags(spans, pair_separator, weight_separator)
    numbers = [1.0] * len(tokens) if weights is None else weights.tolist()
    pairs = [(tokens[i], numbers[i]) for i in range(len(tokens))]
    bags: list[Bag | None] = [pairs[a:b] for a, b in itertools.pairwise(offsets)]
    for row in bad_rows.tolist():
        assert bags[row] == []
        bags[row] = None
    return bags


ALPHABET = "a:,1. eE+-nifx_0\t\r9"
written_numbers = st.text("1. eE+-0_nafxi9", max_size=7) | st.floats().map(repr) | st.integers().map(str)
pairs = st.builds("{}:{}".format, st.text("a: é\t", max_size=3), written_numbers)
texts = st.text(ALPHABET, max_size=12) | st.lists(pairs, max_size=3).map(",".join)


@settings(deadline=None, max_examples=200)
@given(st.lists(texts, min_size=1, max_size=8))
@example(["a:1e400", "a:1e-400", "a:3.4e38", "a:3.5e38", "a:inf", "a:nan", "a:-nan(1)", "a:infinity"])
@example(["a:0x1p3", "a:1_0", "a:1 0", "a:.5", "a:5.", "a:.", "a:1e", "a:e1", "a:", ":1", "a", "a:1,", ",a:1", " "])
@example(["a:b:1", "a::1", "::1", "a: +1", "a:++1", "a:- 1", "a:1\r", "\ra:1", "a:1,\r", "a:\u00a01", "a:１"])
def test_weighted_text_is_what_the_definition_says(texts: list[str]) -> None:
    assert fast(texts, ",", ":") == [definition(text, ",", ":") for text in texts]


@settings(deadline=None, max_examples=200)
@given(st.from_regex(r"[+-]?[0-9]{0,12}\.?[0-9]{0,12}", fullmatch=True))
@example("999999999999999")
@example("9999999999999999")
@example("0.100000000000001")
@example("0.1000000000000001")
@example("16777217.0000001")
@example("00000000000000.1")
@example(".")
def test_decimals_of_any_length_are_the_nearest_float32(text: str) -> None:
    """Short ones are read in another way than long ones."""
    assert fast([f"a:{text}"], ",", ":") == [definition(f"a:{text}", ",", ":")]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("a:, |é\t\r", max_size=8), min_size=1, max_size=8), st.sampled_from(",| :"))
def test_text_without_weights_is_what_the_definition_says(texts: list[str], separator: str) -> None:
    assert fast(texts, separator, None) == [definition(text, separator, None) for text in texts]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("a1;=|. ", max_size=10), min_size=1, max_size=8))
def test_other_separators_are_what_the_definition_says(texts: list[str]) -> None:
    assert fast(texts, "|", "=") == [definition(text, "|", "=") for text in texts]


@pytest.mark.parametrize("written", ["+-1", "-+1", "--1", "++1", "+ 1"])
def test_a_number_has_one_sign(written: str) -> None:
    assert fast([f"a:{written}"], ",", ":") == [None]


@settings(deadline=None, max_examples=100)
@given(st.lists(texts, min_size=1, max_size=8))
def test_the_encoder_takes_exactly_the_good_rows(texts: list[str]) -> None:
    field = Field("f", separators=Separators(weight=":"))
    expected = fast(texts, ",", ":")
    table = with_label({"f": pa.array(texts, pa.string())})
    num_bad = expected.count(None)
    if not num_bad:
        encoder = fit(schema_of(field), table)
        assert bags_as_tokens(encoder, field, table) == [[(t, w) for t, w in bag or [] if w != 0] for bag in expected]
        return
    for task in (lambda: fit(schema_of(field), table), lambda: encode(fit(schema_of(field), table.slice(0, 0)), table)):
        with pytest.raises(BadRowsError) as caught:
            task()
        first = expected.index(None) + 1
        assert f"{num_bad} of {len(texts)} rows are bad ({len(texts) - num_bad} are good)" in str(caught.value)
        assert f'row {first}: column "f" holds' in str(caught.value)
