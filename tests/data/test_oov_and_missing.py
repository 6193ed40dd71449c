"""Unknown tokens and missing values, policy by policy."""

from __future__ import annotations

import pyarrow as pa
import pytest
from field_oracle import hash_of
from row_lists import bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of, with_label

from manyhot.data import TableLayout
from manyhot.data._bags import from_text
from manyhot.schema import Field, Vocabulary


def ids(field: Field, train: list[str | None], rows: list[str | None]) -> list[list[int]]:
    encoder = fit(schema_of(field), with_label({"f": pa.array(train, pa.string())}))
    found = rows_of(encode(encoder, {"f": pa.array(rows, pa.string())}), 1)
    return [[i for i, _ in row[0]] for row in found]


def test_unknown_tokens_go_to_buckets_after_the_known_ones() -> None:
    field = Field("f", Vocabulary("v", min_count=2, oov_buckets=5), missing="oov")
    encoder = fit(schema_of(field), with_label({"f": ["a", "a", "b", "b", "b", "rare"]}))
    assert encoder.vocabularies["v"].size == 1 + 2 + 5
    assert TableLayout.of(encoder).num_rows == 8
    names = [f"new{i}" for i in range(50)]
    expected = [[2], [1], [3 + hash_of("rare") % 5], [0], [0], *([3 + hash_of(name) % 5] for name in names)]
    assert ids(field, ["a", "a", "b", "b", "b", "rare"], ["a", "b", "rare", None, "", *names]) == expected
    assert {i for row in expected[5:] for i in row} == {3, 4, 5, 6, 7}


def test_unknown_numbers_of_an_identity_vocabulary_go_to_buckets_too() -> None:
    field = Field("f", Vocabulary("v", identity=10, oov_buckets=3))
    found = ids(field, ["1"], ["0", "9", "10", "x", None])
    assert found == [[1], [10], [11 + hash_of("10") % 3], [11 + hash_of("x") % 3], []]


def test_rare_tokens_of_each_column_share_an_id_of_that_column() -> None:
    """The winners' "less" tokens. Other columns of the vocabulary, and crosses, have theirs; the order is by name."""
    v = Vocabulary("v", min_count=2, oov="column")
    fields = [
        Field("cats", v, columns=["b", "a"], missing="oov"),
        Field("c", v),
        Field("x", v, cross=["c", "cats"]),
        Field("other", Vocabulary("w")),
    ]
    train = {"a": ["1", "1", "r"], "b": ["1", "1", "s"], "c": ["1", "1", "t"], "other": ["o"] * 3}
    for order in (fields, fields[::-1]):
        encoder = fit(schema_of(*order), with_label(train))
        known = ["a/1", "b/1", "1", "1|a/1", "1|b/1"]
        assert sorted(tokens_of(encoder, "v")[1:]) == sorted(known)
        assert encoder.vocabularies["v"].size == TableLayout.of(encoder).num_rows - 2 == 1 + len(known) + 4
        rows = {"a": ["r", "new", "1"], "b": ["s", "1", None], "c": ["t", "1", "r"], "other": ["o"] * 3}
        bags = rows_of(encode(encoder, rows), 4)
        at = {f.name: i for i, f in enumerate(order)}
        rare_of = {name: 6 + place for place, name in enumerate(["a", "b", "c", "x"])}
        id_of = {name: i for i, name in enumerate(tokens_of(encoder, "v"))}
        cats = [[i for i, _ in row[at["cats"]]] for row in bags]
        assert cats == [[rare_of["b"], rare_of["a"]], [id_of["b/1"], rare_of["a"]], [0, id_of["a/1"]]]
        assert [row[at["c"]] for row in bags] == [[(rare_of["c"], 1.0)], [(id_of["1"], 1.0)], [(rare_of["c"], 1.0)]]
        crossed = [[i for i, _ in row[at["x"]]] for row in bags]
        assert crossed == [[rare_of["x"]] * 2, [id_of["1|b/1"], rare_of["x"]], [rare_of["x"]] * 2]


@pytest.mark.parametrize("vocabulary", [Vocabulary("v", oov="drop"), Vocabulary("v", identity=3, oov="drop")])
def test_dropped_pairs_leave_their_neighbours(vocabulary: Vocabulary) -> None:
    fields = [Field("f", vocabulary, weights="w"), Field("g")]
    data = with_label({"f": [["1", "2"], ["2"]], "w": [[0.5, 1.5], [1.0]], "g": ["x", "y"]})
    encoder = fit(schema_of(*fields), data)
    rows = {"f": [["1", "n", "2"], ["n"], [], ["m", "1"]], "w": [[1.0, 2.0, 3.0], [4.0], [], [5.0, 6.0]]}
    bags = [row[0] for row in rows_of(encode(encoder, {**rows, "g": ["x"] * 4}), 2)]
    one, two = (2, 1) if vocabulary.identity is None else (2, 3)
    assert bags == [[(one, 1.0), (two, 3.0)], [], [], [(one, 6.0)]]


def test_a_bag_emptied_by_a_policy_is_not_missing() -> None:
    field = Field("f", Vocabulary("v", oov="drop"), weights="w", missing="token")
    data = with_label({"f": [["a"], []], "w": [[1.0], []]})
    encoder = fit(schema_of(field), data)
    assert tokens_of(encoder, "v") == ["OOV", "<missing>", "a"]
    rows = {"f": [["new"], ["a"], [], None], "w": [[1.0], [0.0], [], []]}
    assert bags_as_tokens(encoder, field, rows) == [[], [], [("<missing>", 1.0)], [("<missing>", 1.0)]]


def test_the_missing_token_is_counted_like_any_other() -> None:
    for times, known in ((1, False), (2, True)):
        field = Field("f", Vocabulary("v", min_count=2), missing="token")
        encoder = fit(schema_of(field), with_label({"f": ["a", "a", *[None] * times]}))
        assert ("<missing>" in tokens_of(encoder, "v")) == known
        # as often as "a", and before it by its bytes
        assert rows_of(encode(encoder, {"f": ["", "new"]}), 1) == [[[(1 if known else 0, 1.0)]], [[(0, 1.0)]]]


def test_each_column_of_a_field_has_its_own_missing_token() -> None:
    field = Field("f", columns=["a", "b"], missing="token")
    data = with_label({"a": ["x", None], "b": pa.nulls(2)})
    assert bags_as_tokens(fit(schema_of(field), data), field, data) == [
        [("a/x", 1.0), ("b/<missing>", 1.0)],
        [("a/<missing>", 1.0), ("b/<missing>", 1.0)],
    ]


@pytest.mark.parametrize("steps", [["bucket(2)"], ["quantile_bucket(2)"], ["minmax", "bucket(0.5)"]])
def test_missing_numbers_have_a_token_among_the_buckets(steps: list[str]) -> None:
    field = Field("f", numeric=steps, missing="token")
    data = with_label({"f": [1.0, 1.0, 3.0, None, None, None]})
    encoder = fit(schema_of(field), data)
    assert tokens_of(encoder, "f")[1] == "<missing>"  # it is seen most often
    assert bags_as_tokens(encoder, field, data)[3:] == [[("<missing>", 1.0)]] * 3
    assert bags_as_tokens(encoder, field, {"f": pa.nulls(1)}) == [[("<missing>", 1.0)]]
    assert bags_as_tokens(encoder, field, {"f": ["1", ""]})[1] == [("<missing>", 1.0)]


def test_a_hashed_vocabulary_hashes_the_missing_token() -> None:
    field = Field("f", Vocabulary("v", hash_buckets=1000), missing="token")
    assert ids(field, ["a"], ["a", None]) == [[1 + hash_of("a") % 1000], [1 + hash_of("<missing>") % 1000]]


def test_slices_of_a_long_column_share_its_text() -> None:
    """Each batch is a slice: the token for missing values must not cost a copy of the whole column a batch."""
    column = pa.array(["x" * 1000] * 500 + [None], pa.large_string())
    tokens = from_text(column.slice(498)).with_empty_as("<missing>")
    assert [tokens[i] for i in range(3)] == ["x" * 1000] * 2 + ["<missing>"]
    assert len(tokens.data) == 2009
