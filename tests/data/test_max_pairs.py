"""max_pairs keeps the heaviest pairs of a bag, in their order, in fit and encode alike, and counts what it cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from field_oracle import heaviest as slow_heaviest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of, with_label

from manyhot.data import Encoder, Examples, open_source, write_examples
from manyhot.data._bags import Bags, from_text, offsets_of
from manyhot.data._heaviest import heaviest
from manyhot.schema import Field, Vocabulary

weights = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([-1.0, 1.0, 2.0])
pairs = st.tuples(st.sampled_from("abcdef"), weights)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(pairs, max_size=7), max_size=6), st.integers(1, 6), st.booleans(), st.booleans())
def test_the_heaviest_pairs_are_those_of_the_definition(
    rows: list[list[tuple[str, float]]], max_pairs: int, weighted: bool, by_position: bool
) -> None:
    if not weighted:
        rows = [[(token, 1.0) for token, _ in row] for row in rows]
    flat = [pair for row in rows for pair in row]
    distinct = sorted({token for token, _ in flat}) if by_position else [token for token, _ in flat]
    tokens = from_text(pa.array(distinct, pa.large_string()))
    bags = Bags(
        tokens,
        np.array([w for _, w in flat], np.float32) if weighted else None,
        offsets_of(np.array([len(row) for row in rows], np.int64)),
        np.array([distinct.index(t) for t, _ in flat], np.int32) if by_position else None,
    )
    found = heaviest(bags, max_pairs)
    names = found.tokens_of(np.arange(found.offsets[-1]))
    kept = [names[i] for i in range(len(names))]
    numbers = [1.0] * len(kept) if found.weights is None else found.weights.tolist()
    expected = [slow_heaviest(row, max_pairs) for row in rows]
    assert list(zip(kept, numbers, strict=True)) == [pair for row in expected for pair in row]
    assert np.diff(found.offsets).tolist() == [len(row) for row in expected]
    lost = [len(row) - len(short) for row, short in zip(rows, expected, strict=True)]
    assert found.cut == (sum(lost), sum(n > 0 for n in lost))


def test_what_is_cut_is_not_counted_and_zero_weights_take_no_place() -> None:
    field = Field("f", Vocabulary("v", min_count=2), weights="w", max_pairs=2)
    data = with_label(
        {
            "f": [["a", "b", "c"], ["c", "a", "b"], ["zero", "b", "a"], ["b"]],
            "w": [[1.0, -3.0, 2.0], [5.0, 5.0, 5.0], [0.0, 1.0, 1.0], [1.0]],
        }
    )
    encoder = fit(schema_of(field), data)
    # a is kept twice, b three times, c twice; without the cap c would be seen as often as a
    assert tokens_of(encoder, "v") == ["OOV", "b", "a", "c"]
    assert bags_as_tokens(encoder, field, data) == [
        [("b", -3.0), ("c", 2.0)],
        [("c", 5.0), ("a", 5.0)],
        [("b", 1.0), ("a", 1.0)],
        [("b", 1.0)],
    ]
    assert [chunk.cuts for chunk in encode(encoder, data)] == [{"f": (2, 2)}]


def test_several_columns_are_one_bag() -> None:
    field = Field("f", columns=["a", "b", "c"], max_pairs=2)
    data = with_label({"a": ["x", None, "x"], "b": ["y", "y", ""], "c": ["z", "z", "z"]})
    assert bags_as_tokens(fit(schema_of(field), data), field, data) == [
        [("a/x", 1.0), ("b/y", 1.0)],
        [("b/y", 1.0), ("c/z", 1.0)],
        [("a/x", 1.0), ("c/z", 1.0)],
    ]


def test_what_is_dropped_afterwards_is_not_called_cut() -> None:
    fields = [Field("f", Vocabulary("v", oov="drop"), columns=["a", "b"], max_pairs=1), Field("g", "v", max_pairs=1)]
    data = with_label({"a": ["x"], "b": ["y"], "g": [["x", "y"]]})
    encoder = fit(schema_of(*fields), data)
    chunks = encode(encoder, {"a": ["new", "x"], "b": ["y", None], "g": [["new", "y"], ["new"]]})
    assert rows_of(chunks, 2) == [[[], []], [[(1, 1.0)], []]]
    assert chunks[0].cuts == {"f": (1, 1), "g": (1, 1)}


def test_what_was_cut_stays_with_the_examples_on_disk(tmp_path: Path) -> None:
    fields = [Field("f", max_pairs=2), Field("g"), Field("h", max_pairs=1)]
    lists = pa.array([["a"] * n for n in (0, 1, 2, 3, 9)], pa.list_(pa.string()))
    data = with_label({"f": lists, "g": lists, "h": lists})
    source = open_source(pa.concat_tables([data, data.slice(0, 2), data]))
    encoder = Encoder.fit(schema_of(*fields), source)
    expected = {"f": (2 * (1 + 7), 4), "h": (2 * (1 + 2 + 8), 6)}
    assert Examples(encoder.encode(source, with_labels=True), 3).cuts == expected
    write_examples(tmp_path / "e.arrow", encoder.encode(source, with_labels=True), 3)
    assert Examples.open(tmp_path / "e.arrow").cuts == expected
    uncut = Encoder.fit(schema_of(Field("g")), source)
    write_examples(tmp_path / "g.arrow", uncut.encode(source, with_labels=True), 1)
    assert Examples.open(tmp_path / "g.arrow").cuts == {}
