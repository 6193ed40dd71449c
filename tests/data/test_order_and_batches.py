"""Ids and Examples depend on the rows alone: not on batches, not on files, not on the order of files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, in_pieces, rows_of, schema_of, tokens_of

from manyhot.kernels import interleave
from manyhot.schema import Field, Separators, Vocabulary

SCHEMA = schema_of(
    Field("apps", Vocabulary("v"), weights="days"),
    Field("text", Vocabulary("v"), separators=Separators(weight=":"), missing="oov"),
    Field("city"),
    Field("numbers", columns=["n", "m"], numeric=["minmax"]),
    Field("quantile", column="n", numeric=["quantile_bucket(3)"]),
)
bags = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([0.0, 0.5, 1.0, 2.0])), max_size=3)
number = st.none() | st.integers(-5, 5).map(float)
row = st.fixed_dictionaries(
    {
        "bag": bags,
        "text": bags,
        "city": st.none() | st.sampled_from("xyz"),
        "n": number,
        "m": number,
        "y": st.integers(0, 1),
    }
)
rows = st.lists(row, min_size=1, max_size=12)


def table_of(rows: list[dict]) -> pa.Table:
    def column(name: str, kind: pa.DataType) -> pa.Array:
        return pa.array([row[name] for row in rows], kind)

    return pa.table(
        {
            "apps": pa.array([[t for t, _ in r["bag"]] for r in rows], pa.list_(pa.string())),
            "days": pa.array([[w for _, w in r["bag"]] for r in rows], pa.list_(pa.float32())),
            "text": pa.array([",".join(f"{t}:{w}" for t, w in r["text"]) for r in rows], pa.string()),
            "city": column("city", pa.string()),
            "n": column("n", pa.float64()),
            "m": column("m", pa.float64()),
            "y": column("y", pa.int64()),
        }
    )


@settings(deadline=None, max_examples=60)
@given(rows, st.lists(st.integers(1, 11), max_size=4))
def test_batches_change_nothing(rows: list[dict], cuts: list[int]) -> None:
    whole = table_of(rows)
    pieces = in_pieces(whole, cuts)
    one, many = fit(SCHEMA, whole), fit(SCHEMA, pieces)
    assert one.fingerprint() == many.fingerprint()
    chunks = encode(many, pieces, with_labels=True)
    assert len(chunks) == pieces["y"].num_chunks
    assert rows_of(chunks, 5) == rows_of(encode(one, whole, with_labels=True), 5)
    assert np.concatenate([c.labels for c in chunks]).tolist() == [row["y"] for row in rows]


@settings(deadline=None, max_examples=30)
@given(rows, st.permutations(range(4)), st.lists(st.integers(0, 12), min_size=3, max_size=3).map(sorted))
def test_files_and_their_order_change_nothing(rows: list[dict], order: list[int], cuts: list[int]) -> None:
    whole = table_of(rows)
    edges = [0, *(min(c, len(rows)) for c in cuts), len(rows)]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.parquet" for i in range(4)]
        for path, a, b in zip(paths, edges[:-1], edges[1:], strict=True):
            pq.write_table(whole.slice(a, b - a), path, row_group_size=2)
        one = fit(SCHEMA, whole)
        many = fit(SCHEMA, [paths[i] for i in order])
        assert many.fingerprint() == one.fingerprint()
        expected = rows_of(encode(one, whole), 5)
        assert rows_of(encode(many, str(Path(folder) / "*.parquet")), 5) == expected
        assert rows_of(encode(many, folder), 5) == expected
        shuffled = [row for i in order for row in expected[edges[i] : edges[i + 1]]]
        assert rows_of(encode(many, [str(paths[i]) for i in order]), 5) == shuffled


@settings(deadline=None, max_examples=60)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_id(rows: list[dict], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = fit(SCHEMA, table_of(rows)), fit(SCHEMA, table_of(shuffled))
    for name in one.vocabularies:
        assert tokens_of(one, name) == tokens_of(other, name)


@given(st.data())
def test_interleave_is_what_nested_lists_say(data: st.DataObject) -> None:
    """Columns of bags, field by field, into rows; in plain lists."""
    num_rows, num_fields = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 3))
    weights = st.sampled_from([0.5, 1.0, -2.0])
    columns, expected = [], [[[] for _ in range(num_fields)] for _ in range(num_rows)]
    for field in range(num_fields):
        for _ in range(data.draw(st.integers(1, 2))):
            weighted = data.draw(st.booleans())
            pair = st.tuples(st.integers(0, 9), weights if weighted else st.just(1.0))
            bags = data.draw(st.lists(st.lists(pair, max_size=3), min_size=num_rows, max_size=num_rows))
            offsets = [0]
            for row, bag in enumerate(bags):
                expected[row][field] += bag
                offsets.append(offsets[-1] + len(bag))
            ids = np.array([i for bag in bags for i, _ in bag], np.int32)
            numbers = np.array([w for bag in bags for _, w in bag], np.float32) if weighted else None
            columns.append((ids, numbers, np.array(offsets, np.int32), field))
    ids, found, offsets = interleave(columns, num_rows)
    flat = [bag for row in expected for bag in row]
    assert ids.tolist() == [i for bag in flat for i, _ in bag]
    assert (found is None) == all(column[1] is None for column in columns)
    assert ([1.0] * len(ids) if found is None else found.tolist()) == [w for bag in flat for _, w in bag]
    assert offsets.tolist() == [sum(map(len, flat[:k])) for k in range(len(flat) + 1)]
