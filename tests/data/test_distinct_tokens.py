"""Columns that hold each distinct token once encode as the same column written out does."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import assert_same_chunks, encode, fit, rows_of, schema_of, tokens_of, with_label

from manyhot.data._bags import Bags, ColumnReader
from manyhot.errors import BadRowsError
from manyhot.kernels import Tokens
from manyhot.schema import Field, Vocabulary

words = st.text("ab é漢/", max_size=9)
cells = st.lists(st.none() | words, min_size=1, max_size=12)
FIELDS = [
    Field("f"),
    Field("f", missing="oov"),
    Field("f", Vocabulary("v", min_count=2)),
    Field("f", Vocabulary("v", hash_buckets=7)),
    Field("f", columns=["f", "g"]),
]


def spans(texts: list[str]) -> Tokens:
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], np.int32)
    return Tokens(np.frombuffer(b"".join(encoded), np.uint8), (np.cumsum(lengths) - lengths).astype(np.int64), lengths)


@settings(deadline=None, max_examples=60)
@given(cells, st.lists(words, max_size=20), st.sampled_from([pa.int8(), pa.uint16(), pa.int64()]))
def test_a_dictionary_column_is_the_column_written_out(
    cells: list[str | None], unused: list[str], index: pa.DataType
) -> None:
    """The dictionary may be unordered, repeat itself, hold entries that no row has, and be longer than the column."""
    entries = [*unused, *[c for c in cells if c is not None]]
    indices = pa.array([None if c is None else len(entries) - 1 - entries[::-1].index(c) for c in cells], index)
    dictionary = pa.DictionaryArray.from_arrays(indices, pa.array(entries, pa.string()))
    assert dictionary.to_pylist() == cells
    other = pa.array(["x"] * len(cells))
    for field in FIELDS:
        plain = with_label({"f": pa.array(cells, pa.string()), "g": other})
        short = with_label({"f": dictionary, "g": other})
        encoder, same = fit(schema_of(field), plain), fit(schema_of(field), short)
        assert same.fingerprint() == encoder.fingerprint()
        assert_same_chunks(encode(same, short), encode(encoder, plain))


def test_a_dictionary_column_is_read_without_writing_it_out() -> None:
    """Else the tests above compare one way of reading with itself."""
    array = pa.array(["a", "b", "a", None, ""]).dictionary_encode()
    bags = ColumnReader("here", "f").read(array, None, None)
    assert bags.positions is not None
    assert [bags.tokens[p] for p in bags.positions] == ["a", "b", "a", "", ""]
    assert bags.times is not None
    assert bags.times.tolist() == [2, 1, 1, 1]
    long = array[:2]
    assert ColumnReader("here", "f").read(long, None, None).positions is None


def test_bad_utf8_in_a_dictionary_is_told_where_a_row_has_it() -> None:
    entries = pa.array([b"a", b"\xff"], pa.binary())
    good = pa.DictionaryArray.from_arrays(pa.array([0, 0, None]), entries)
    encoder = fit(schema_of(Field("f")), with_label({"f": good}))
    assert rows_of(encode(encoder, {"f": good}), 1) == [[[(1, 1.0)]], [[(1, 1.0)]], [[]]]
    bad = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), entries)
    with pytest.raises(BadRowsError, match=r"row 2: column .f. is not UTF-8 text"):
        fit(schema_of(Field("f")), with_label({"f": bad}))


def test_entries_that_no_row_has_are_not_known() -> None:
    unused = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["a", "b"]))
    assert tokens_of(fit(schema_of(Field("f")), with_label({"f": unused})), "f") == ["OOV", "a"]


@given(st.lists(words, max_size=8), words)
def test_a_prefix_stands_before_every_token_but_the_empty_one(texts: list[str], prefix: str) -> None:
    tokens = spans(["skipped", *texts]).take(np.arange(1, len(texts) + 1, dtype=np.int32))
    found = tokens.prefixed(prefix)
    assert [found[i] for i in range(len(found))] == [prefix + text if text else "" for text in texts]


@given(st.lists(st.tuples(words, st.sampled_from([0.0, 1.0, -2.0])), min_size=1, max_size=8), st.booleans())
def test_dropping_pairs_keeps_the_others_in_their_rows(pairs: list[tuple[str, float]], positions: bool) -> None:
    texts, weights = [t for t, _ in pairs], np.array([w for _, w in pairs], np.float32)
    count = len(pairs)
    offsets = np.arange(count + 1, dtype=np.int32)
    tokens = spans(texts[::-1] if positions else texts)
    bags = Bags(tokens, weights, offsets, np.arange(count, dtype=np.int32)[::-1].copy() if positions else None)

    def rows(bags: Bags) -> list[list[tuple[str, float]]]:
        assert bags.weights is not None
        at = range(len(bags.tokens)) if bags.positions is None else bags.positions
        flat = [(bags.tokens[p], float(w)) for p, w in zip(at, bags.weights, strict=True)]
        return [flat[a:b] for a, b in zip(bags.offsets[:-1], bags.offsets[1:], strict=True)]

    assert rows(bags) == [[pair] for pair in pairs]
    assert rows(bags.without_missing()) == [[pair] if pair[0] else [] for pair in pairs]
    assert rows(bags.without_zero_weights()) == [[pair] if pair[1] else [] for pair in pairs]


def test_a_missing_token_needs_no_weight() -> None:
    data = with_label({"f": ["a", None, "", "b"], "w": [2.0, None, float("nan"), 0.0]})
    for missing, empty in (("empty", []), ("oov", [(0, 1.0)])):
        field = Field("f", weights="w", missing=missing)
        assert rows_of(encode(fit(schema_of(field), data), data), 1) == [[[(1, 2.0)]], [empty], [empty], [[]]]
