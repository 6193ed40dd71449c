"""Crossed fields: what they join, when they refuse a row, and that size does not hurt."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from field_oracle import crossed, hash_of
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, rows_of, schema_of, tokens_of, with_label

import manyhot.data._cross as module
from manyhot.data import Rejects, open_source
from manyhot.data._bags import Bags, from_text, offsets_of
from manyhot.data._cross import Crossed
from manyhot.data._fields import read_fields
from manyhot.errors import BadRowsError
from manyhot.schema import Field, Vocabulary

token = st.text(st.sampled_from("ab|\\é\x00"), min_size=1, max_size=4)


def test_a_cross_is_hashed_into_its_own_vocabulary_and_reads_no_column() -> None:
    schema = schema_of(
        Field("city_x_hour", cross=["city", "hour"]), Field("city"), Field("hour", numeric=["bucket(6)"])
    )
    assert schema.columns == ("city", "hour")
    data = with_label({"city": ["berlin", "rome", None], "hour": [3, 7, 7]})
    encoder = fit(schema, data)
    assert encoder.vocabularies["city_x_hour"].size == 100_001
    found = [row[0] for row in rows_of(encode(encoder, data), 3)]
    assert found == [[(1 + hash_of("berlin|0") % 100_000, 1.0)], [(1 + hash_of("rome|1") % 100_000, 1.0)], []]


def test_a_fitted_vocabulary_counts_combinations() -> None:
    field = Field("x", Vocabulary("x", min_count=2), cross=["b", "a"])
    schema = schema_of(field, Field("a"), Field("b"))
    data = with_label({"a": ["1", "1", "2"], "b": ["p", "p", "p"]})
    encoder = fit(schema, data)
    assert tokens_of(encoder, "x") == ["OOV", "p|1"]
    assert [row[0] for row in rows_of(encode(encoder, data), 3)] == [[(1, 1.0)], [(1, 1.0)], [(0, 1.0)]]


def test_tokens_rare_in_their_own_field_still_make_combinations() -> None:
    rare = Vocabulary("a", min_count=3, oov="drop")
    schema = schema_of(Field("a", rare), Field("b"), Field("x", Vocabulary("x"), cross=["a", "b"]))
    data = with_label({"a": ["seldom"], "b": ["b"]})
    encoder = fit(schema, data)
    assert rows_of(encode(encoder, data), 3) == [[[], [(1, 1.0)], [(1, 1.0)]]]
    assert tokens_of(encoder, "x") == ["OOV", "seldom|b"]


def test_a_missing_value_may_take_part() -> None:
    def found(missing: str) -> list[list[tuple[str, float]]]:
        fields = [Field("x", Vocabulary("x"), cross=["a", "b"]), Field("a", missing=missing), Field("b")]
        data = with_label({"a": [None, "v"], "b": ["w", "w"]})
        encoder = fit(schema_of(*fields), data)
        names = tokens_of(encoder, "x")
        return [[(names[i], w) for i, w in row[0]] for row in rows_of(encode(encoder, data), 3)]

    assert found("empty") == [[], [("v|w", 1.0)]]
    assert found("token") == [[("<missing>|w", 1.0)], [("v|w", 1.0)]]
    assert found("oov") == [[("|w", 1.0)], [("v|w", 1.0)]]


def bags_of(rows: list[list[tuple[str, float]]]) -> Bags:
    flat = [pair for row in rows for pair in row]
    return Bags(
        from_text(pa.array([t for t, _ in flat], pa.large_string())),
        np.array([w for _, w in flat], np.float32),
        offsets_of(np.array([len(row) for row in rows], np.int64)),
    )


def as_lists(pieces: Crossed) -> list[list[tuple[str, float]]]:
    rows = []
    for bags in pieces:
        names = [bags.tokens[i] for i in range(len(bags.tokens))]
        pairs = list(zip(names, bags.weights.tolist(), strict=True))
        rows += [pairs[a:b] for a, b in itertools.pairwise(bags.offsets.tolist())]
    return rows


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(2, 3), st.integers(1, 20))
def test_combinations_are_a_product_whatever_the_pieces(data: st.DataObject, num_fields: int, piece: int) -> None:
    num_rows = data.draw(st.integers(0, 5))
    weight = st.floats(-100, 100, width=32) | st.sampled_from([1.0, float(np.float32(1e-30))])
    bag = st.lists(st.tuples(token, weight), max_size=4)
    parts = [data.draw(st.lists(bag, min_size=num_rows, max_size=num_rows)) for _ in range(num_fields)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PIECE", piece)
        found = Crossed([bags_of(rows) for rows in parts], None)
        expected = [crossed(list(row)) for row in zip(*parts, strict=True)]
        assert as_lists(found) == as_lists(found) == expected
    assert not found.too_many.any() and not found.too_heavy.any()


@given(st.lists(st.tuples(token, token, token), min_size=2, max_size=6, unique=True))
def test_different_combinations_have_different_tokens(combinations: list[tuple[str, str, str]]) -> None:
    columns = zip(*combinations, strict=True)
    found = as_lists(Crossed([bags_of([[(text, 1.0)] for text in column]) for column in columns], None))
    assert len({row[0][0] for row in found}) == len(combinations)


def lists(*lengths: int) -> pa.Array:
    return pa.array([[f"t{i}" for i in range(n)] for n in lengths], pa.list_(pa.string()))


CROSS = schema_of(Field("a"), Field("b"), Field("x", cross=["a", "b"]))


def test_too_many_combinations_make_a_bad_row_when_fitting_and_when_encoding() -> None:
    encoder = fit(CROSS, with_label({"a": lists(100, 0), "b": lists(100, 10_001)}))
    data = with_label({"a": lists(100, 73, 1), "b": lists(100, 137, 3)})
    words = r'row 2: field "x" has more than 10,000 combinations; set max_pairs in the fields it crosses'
    for task in (lambda: fit(CROSS, data), lambda: encode(encoder, data)):
        with pytest.raises(BadRowsError, match=words):
            task()
    capped = schema_of(Field("a", max_pairs=72), Field("b"), Field("x", cross=["a", "b"], max_pairs=5))
    chunks = encode(fit(capped, data), data)
    assert [len(row[2]) for row in rows_of(chunks, 3)] == [5, 5, 3]
    assert chunks[0].cuts == {"a": (29, 2), "x": (72 * 100 + 72 * 137 - 10, 2)}


def test_products_of_sizes_overflow_nothing() -> None:
    num_pairs = 2**22
    one = Bags(from_text(pa.array(["t"], pa.large_string())), None, np.array([0, num_pairs], np.int32))
    bags = Bags(one.tokens, None, one.offsets, np.zeros(num_pairs, np.int32))
    assert Crossed([bags, bags, bags], None).too_many.tolist() == [True]  # 2^66 would be 4 in int64


def test_a_product_too_large_for_float32_is_a_bad_row_and_one_too_small_is_no_pair() -> None:
    schema = schema_of(Field("a", weights="u"), Field("b", weights="v"), Field("x", cross=["a", "b"]))

    def data(u: list[float], v: list[float]) -> pa.Table:
        columns: dict[str, Any] = {"a": [["p"] * len(u)], "b": [["q"] * len(v)], "u": [u], "v": [v]}
        return with_label(columns)

    fine = data([1e30, -1.0], [1e8, 1e-30])
    encoder = fit(schema, fine)
    weights = [w for _, w in rows_of(encode(encoder, fine), 3)[0][2]]
    assert weights == [np.float32(w) for w in (np.float32(1e30) * np.float64(np.float32(1e8)), 1, -1e8, -1e-30)]
    small = data([1e-30, 1.0], [1e-30])
    assert [w for _, w in rows_of(encode(encoder, small), 3)[0][2]] == [np.float32(1e-30)]
    large = data([1.0, -1e30], [1e-30, 1e9])
    for task in (lambda: fit(schema, large), lambda: encode(encoder, large)):
        with pytest.raises(BadRowsError, match='row 1: field "x" has a product of weights that is too large'):
            task()


def test_fitted_buckets_are_crossed_by_hash() -> None:
    schema = schema_of(Field("x", cross=["n", "a"]), Field("n", numeric=["quantile_bucket(2)"]), Field("a"))
    data = with_label({"n": [1, 2, 3, 4], "a": ["p"] * 4})
    found = [row[0][0][0] for row in rows_of(encode(fit(schema, data), data), 3)]
    assert found == [1 + hash_of(t) % 100_000 for t in ("0|p", "0|p", "1|p", "1|p")]


def test_lists_crossed_with_lists_are_never_all_at_once_in_memory() -> None:
    (batch,) = open_source({"a": lists(*[20] * 4096), "b": lists(*[20] * 4096)}).batches(CROSS.columns, Rejects())
    pieces = read_fields(CROSS, batch, {}, {})[2][1]
    sizes = [len(bags.tokens) for bags in pieces]
    assert sum(sizes) == 4096 * 400
    assert max(sizes) < 2**18 + 10_000


def test_bags_of_a_cross_are_like_others() -> None:
    field = Field("x", Vocabulary("x"), cross=["a", "b"], combiner="mean", max_pairs=1)
    schema = schema_of(field, Field("a", weights="w"), Field("b"))
    data = with_label({"a": [["p", "q"]], "w": [[1.0, 2.0]], "b": [["r", "s"]]})
    encoder = fit(schema, data)
    assert tokens_of(encoder, "x") == ["OOV", "q|r"]
    assert rows_of(encode(encoder, data), 3)[0][0] == [(1, 2.0)]
