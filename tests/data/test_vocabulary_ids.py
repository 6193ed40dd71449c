"""Which id a token gets: by count over all fields, ties by bytes; hashed; or given."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from field_oracle import hash_of
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of, with_label

from manyhot.data import TableLayout
from manyhot.kernels import Tokens, hash_tokens
from manyhot.schema import Field, Vocabulary

tokens = st.text(st.sampled_from("abé漢😀\x7f\x00"), min_size=1, max_size=2)
columns = st.lists(st.lists(tokens, max_size=5), min_size=1, max_size=10)


def ranked(counts: Counter[str], min_count: int, max_size: int | None) -> list[str]:
    kept = [token for token, count in counts.items() if count >= min_count]
    return sorted(kept, key=lambda token: (-counts[token], token.encode()))[:max_size]


@settings(deadline=None, max_examples=150)
@given(columns, columns, st.integers(1, 4), st.none() | st.integers(1, 6))
def test_ids_go_by_count_over_all_fields_of_the_vocabulary(
    first: list[list[str]], second: list[list[str]], min_count: int, max_size: int | None
) -> None:
    rows = min(len(first), len(second))
    table = with_label(
        {"a": pa.array(first[:rows], pa.list_(pa.string())), "b": pa.array(second[:rows], pa.list_(pa.string()))}
    )
    shared = Vocabulary("v", min_count=min_count, max_size=max_size)
    encoder = fit(schema_of(Field("a", shared), Field("b", shared)), table)
    counts = Counter(token for column in (first, second) for bag in column[:rows] for token in bag)
    expected = ranked(counts, min_count, max_size)
    assert tokens_of(encoder, "v") == ["OOV", *expected]
    assert encoder.vocabularies["v"].size == len(expected) + 1
    ids = {token: i for i, token in enumerate(expected, 1)}
    wanted = [
        [[(ids.get(t, 0), 1.0) for t in bag] for bag in row] for row in zip(first[:rows], second[:rows], strict=True)
    ]
    assert rows_of(encode(encoder, table), 2) == wanted


def test_fields_of_different_vocabularies_share_nothing() -> None:
    table = with_label({"a": ["x", "y", "y"], "b": ["x", "x", "z"]})
    encoder = fit(schema_of(Field("a"), Field("b")), table)
    assert (tokens_of(encoder, "a"), tokens_of(encoder, "b")) == (["OOV", "y", "x"], ["OOV", "x", "z"])
    layout = TableLayout.of(encoder)
    assert (layout.bases.tolist(), layout.num_rows) == ([0, 3], 6)


def test_a_shared_vocabulary_has_one_base_whatever_the_order_of_fields() -> None:
    table = with_label({"a": ["x"], "b": ["y"], "c": ["z"]})
    fields = [Field("a", "v"), Field("b"), Field("c", "v")]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        chosen = [fields[i] for i in order]
        schema = schema_of(*(Field(f.name, Vocabulary("v") if f.vocabulary else None) for f in chosen))
        layout = TableLayout.of(fit(schema, table))
        assert layout.ranges == {"b": (0, 2), "v": (2, 5)}
        assert layout.bases.tolist() == [{"a": 2, "b": 0, "c": 2}[f.name] for f in chosen]


def test_many_tokens_are_all_found_again() -> None:
    names = [f"token-{i * 7919}" for i in range(20_000)]
    table = with_label({"f": names})
    encoder = fit(schema_of(Field("f")), table)
    assert tokens_of(encoder, "f")[1:] == sorted(names)
    (chunk,) = encode(encoder, table)
    assert np.array_equal(np.argsort(np.argsort(names)) + 1, chunk.ids)
    assert rows_of(encode(encoder, {"f": ["token", "token-", "token-79190", ""]}), 1) == [
        [[(0, 1.0)]],
        [[(0, 1.0)]],
        [[(chunk.ids[10].item(), 1.0)]],
        [[]],
    ]


def test_zero_weights_are_dropped_and_not_counted() -> None:
    field = Field("f", Vocabulary("v", min_count=2), weights="w")
    data = with_label({"f": [["a", "b"], ["a", "b"], ["b"]], "w": [[0.0, 1.0], [1.0, -0.0], [-2.5]]})
    encoder = fit(schema_of(field), data)
    assert tokens_of(encoder, "v") == ["OOV", "b"]
    assert bags_as_tokens(encoder, field, data) == [[("b", 1.0)], [("OOV", 1.0)], [("b", -2.5)]]


def hashes(names: list[str]) -> list[int]:
    encoded = [name.encode() for name in names]
    lengths = np.array([len(name) for name in encoded], np.int32)
    starts = (np.cumsum(lengths) - lengths).astype(np.int64)
    return hash_tokens(Tokens(np.frombuffer(b"".join(encoded), np.uint8), starts, lengths)).tolist()


@given(st.lists(st.text(max_size=6), min_size=1, max_size=5))
def test_the_hash_is_its_definition(names: list[str]) -> None:
    assert hashes(names) == [hash_of(name) for name in names]


def test_the_hash_never_changes() -> None:
    # Models in use depend on these: a change of any of them is a new format of the model file.
    assert hashes(["wechat", "weibo", "漢"]) == [1439580580474448821, 1684718373185278601, 10907005933633425873]


@pytest.mark.parametrize("buckets", [1, 7, 2**31 - 1])
def test_hashed_ids_need_no_fitting(buckets: int) -> None:
    field = Field("f", Vocabulary("v", hash_buckets=buckets))
    encoder = fit(schema_of(field), with_label({"f": ["other"]}))
    assert encoder.vocabularies["v"].size == buckets + 1
    names = ["wechat", None, "weibo", "漢"]
    expected = [[[(1 + hash_of(n) % buckets, 1.0)]] if n else [[]] for n in names]
    assert rows_of(encode(encoder, {"f": names}), 1) == expected


def test_identity_ids_are_the_numbers_themselves() -> None:
    encoder = fit(schema_of(Field("f", Vocabulary("v", identity=10))), with_label({"f": ["3"]}))
    assert encoder.vocabularies["v"].size == 11
    names = ["0", "9", "10", "-1", "x", "1x", "99999999999", "1.0", " 1", None]
    assert [row[0][0][0] if row[0] else None for row in rows_of(encode(encoder, {"f": names}), 1)] == [
        1,
        10,
        *[0] * 7,
        None,
    ]
    for numbers in (pa.array([0, 9, 10, -1]), pa.array([0.0, 9.0, 10.0, -1.0])):
        assert rows_of(encode(encoder, {"f": numbers}), 1) == [[[(1, 1.0)]], [[(10, 1.0)]], [[(0, 1.0)]], [[(0, 1.0)]]]
