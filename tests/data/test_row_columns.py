"""Example weights and groups, read from every kind of column; what cannot be either is a bad row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, in_pieces, rows_of

from manyhot.data import Encoder, ExampleCache, Examples, open_source, parts_to_train_on
from manyhot.errors import BadRowsError, ConfigError, DataError
from manyhot.schema import Field, Schema

WEIGHTED = Schema(label="y", fields=(Field("a"),), example_weights="w")
GROUPED = Schema(label="y", fields=(Field("a"),), group="g")


def rows(**columns: object) -> pa.Table:
    size = len(next(iter(columns.values())))
    return pa.table({"y": [n % 2 for n in range(size)], "a": [f"t{n}" for n in range(size)], **columns})


def examples(schema: Schema, data: object, *, threads: int | None = None) -> Examples:
    encoder = fit(schema, data)
    return Examples(encoder.encode(open_source(data), with_labels=True, num_threads=threads), 1)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 2.0**127), max_size=30), st.lists(st.integers(0, 30), max_size=3), st.integers(1, 3))
def test_weights_are_float32_of_the_column(weights: list[float], cuts: list[int], threads: int) -> None:
    table = in_pieces(rows(w=pa.array(weights, pa.float64())), cuts)
    found = examples(WEIGHTED, table, threads=threads).example_weights
    assert ([] if found is None else found.tolist()) == np.array(weights, np.float32).tolist()


@pytest.mark.parametrize(
    "column",
    [[1, 0, 3], [1.0, 0.0, 3.0], ["1", " 0", "3e0"], [True, False, True], pa.array([1, 0, 3]).dictionary_encode()],
    ids=["int", "float", "text", "bool", "dictionary"],
)
def test_weights_come_from_every_kind_of_number(column: object) -> None:
    found = examples(WEIGHTED, rows(w=column)).example_weights
    assert found is not None
    assert found.tolist() == ([1, 0, 1] if column == [True, False, True] else [1, 0, 3])


@pytest.mark.parametrize(
    ("weight", "why"),
    [
        ("", "(the example weight) is missing"),
        ("nan", "is not a finite number"),
        ("inf", "is not a finite number"),
        ("-1", "(the example weight) is negative"),
        ("-1e-30", "(the example weight) is negative"),
        ("1e39", "is a number too large for float32"),
        ("much", "is not a number: 'much'"),
    ],
)
def test_what_is_no_weight_makes_the_row_bad(weight: str, why: str, tmp_path: Path) -> None:
    """In the fit, in the encoding, and through the filter that leaves out rows of weight 0."""
    path = tmp_path / "r.csv"
    path.write_text(f"y,a,w\n1,x,1\n0,z,0\n0,y,{weight}\n")
    source = open_source(path)
    filtered = parts_to_train_on({"train": source}, WEIGHTED)["train"]
    encoder = fit(WEIGHTED, rows(w=[1.0]))
    for do in (
        lambda: Encoder.fit(WEIGHTED, source),
        lambda: Encoder.fit(WEIGHTED, filtered),
        lambda: list(encoder.encode(source, with_labels=True)),
    ):
        with pytest.raises(BadRowsError) as caught:
            do()
        assert f'{path}:4: column "w" {why}' in str(caught.value)


def test_scoring_needs_neither_weights_nor_groups() -> None:
    schema = Schema(label="y", fields=(Field("a"),), example_weights="w", group="g", time="t")
    encoder = fit(schema, rows(w=[1, 2], g=["u", "v"]))
    (chunk,) = encode(encoder, {"a": ["t0", "t1"]})
    assert (chunk.labels, chunk.example_weights, chunk.groups) == (None, None, None)
    for missing in ("w", "g"):
        with pytest.raises(DataError, match=f'column "{missing}" is missing'):
            encode(encoder, rows(w=[1, 2], g=["u", "v"]).drop_columns([missing]), with_labels=True)


def test_nothing_is_learned_from_rows_of_weight_0() -> None:
    """The encoder is the one of the other rows, and so are the Examples; a bad field in such a row harms nobody."""
    schema = Schema(label="y", fields=(Field("a"), Field("n", numeric=("log1p", "minmax"))), example_weights="w")
    table = rows(w=[1.0, 0.0, 2.0, 0.0, 0.5], n=[3.0, -7.0, 5.0, 1e9, 4.0])
    filtered = parts_to_train_on({"train": open_source(in_pieces(table, [2, 3]))}, schema)["train"]
    others = table.filter(np.array([True, False, True, False, True]))
    encoder, expected = Encoder.fit(schema, filtered), fit(schema, others)
    assert encoder.fingerprint() == expected.fingerprint()
    kept = list(encoder.encode(filtered, with_labels=True))
    assert rows_of(kept, 2) == rows_of(encode(expected, others, with_labels=True), 2)
    assert [w for chunk in kept for w in chunk.example_weights.tolist()] == [1.0, 2.0, 0.5]


GROUPS = {
    "int": [7, 8, None, 7],
    "float": [7.0, 8.0, None, 7.0],
    "text": ["7", "8", "", "7"],
    "binary": [b"7", b"8", None, b"7"],
    "dictionary": pa.array(["7", "8", None, "7"]).dictionary_encode(),
    "view": pa.array(["7", "8", None, "7"]).cast(pa.string_view()),
    "uint64": pa.array([7, 8, None, 7], pa.uint64()),
}


def test_a_group_is_the_hash_of_its_token_in_every_form(tmp_path: Path) -> None:
    pacsv.write_csv(rows(g=GROUPS["int"]), tmp_path / "r.csv")
    tables = {name: rows(g=column) for name, column in GROUPS.items()}
    for name, data in {**tables, "csv": str(tmp_path / "r.csv")}.items():
        found = examples(GROUPED, data).groups
        assert found is not None
        # Groups are stored in files: their hash may never change.
        assert found.tolist() == [SEVEN, EIGHT, 0, SEVEN], name


def stable_hash(token: bytes) -> int:
    """FNV-1a, then murmur3's finalizer."""
    h = 0xCBF29CE484222325
    for byte in token:
        h = (h ^ byte) * 0x100000001B3 % 2**64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ (h >> 33)) * factor % 2**64
    return h ^ (h >> 33)


SEVEN, EIGHT = stable_hash(b"7"), stable_hash(b"8")


def test_a_group_may_be_a_field_too() -> None:
    schema = Schema(label="y", fields=(Field("a"), Field("g")), group="g")
    assert examples(schema, rows(g=["7", "8"])).groups.tolist() == [SEVEN, EIGHT]


def test_what_is_no_group() -> None:
    with pytest.raises(DataError, match=r'column "g" is list<.*>, but a key must be one text, whole number or date'):
        examples(GROUPED, rows(g=[["7"]]))
    with pytest.raises(DataError, match=r'column "g" is double, but a key'):
        examples(GROUPED, rows(g=[0.5]))
    with pytest.raises(BadRowsError, match=r'row 1: column "g" is not UTF-8 text'):
        examples(GROUPED, rows(g=[b"\xff"]))


def test_the_cache_tells_schemas_with_and_without_apart(tmp_path: Path) -> None:
    pacsv.write_csv(rows(w=[1, 2, 3], g=["u", "v", None]), tmp_path / "r.csv")
    source, cache = open_source(tmp_path / "r.csv"), ExampleCache(tmp_path / "cache")
    plain = Schema(label="y", fields=(Field("a"),))
    for schema in (plain, WEIGHTED, GROUPED):
        for expected in (False, True):
            encoder, _ = cache.fit(schema, source)
            found, was_there = cache.encode(encoder, source)
            assert was_there == expected
            assert (found.example_weights is None) == (schema is not WEIGHTED)
            assert (found.groups is None) == (schema is not GROUPED)


def test_the_label_can_be_none_of_them() -> None:
    for key in ("example_weights", "group", "time"):
        with pytest.raises(ConfigError, match=f'{key} = "y" is the label; name another column'):
            Schema(label="y", fields=(Field("a"),), **{key: "y"})


def test_a_schema_keeps_them_through_plain_data() -> None:
    schema = Schema(label="y", fields=(Field("a"),), example_weights="w", group="g", time="t")
    assert Schema.from_dict(schema.to_dict()) == schema
    assert not {"example_weights", "group", "time"} & Schema(label="y", fields=(Field("a"),)).to_dict().keys()
