"""The same logical bags give the same Examples, whatever kind of column they come in."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import assert_same_chunks, encode, fit, in_pieces, rows_of, schema_of, tokens_of, with_label

from manyhot.schema import Field, Separators

Bags = list[list[tuple[str, float]] | None]

EDGES = " \t\r"
letters = st.sampled_from([":", " ", "a", "b", "é", "漢", "😀", "=", "\u00a0", "\x00", "\n", '"'])
tokens = st.text(letters | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5).map(
    lambda text: text.replace(",", ";").strip(EDGES) or "x"
)
weights = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0, 0.5, -0.0])
weighted_bags = st.lists(st.none() | st.lists(st.tuples(tokens, weights), max_size=4), min_size=1, max_size=8)
plain_bags = st.lists(st.none() | st.lists(tokens, max_size=4), min_size=1, max_size=8)
cuts = st.lists(st.integers(1, 7), max_size=3)

TEXT = Field("f", separators=Separators(weight=":"))
STRUCT = pa.struct([("token", pa.string()), ("weight", pa.float64())])


def pair_text(pair: tuple[str, float]) -> str:
    return f"{pair[0]}:{pair[1]!r}"


def text(bags: Bags) -> list[str | None]:
    return [None if bag is None else ",".join(map(pair_text, bag)) for bag in bags]


def weighted_forms(bags: Bags) -> dict[str, tuple[Field, dict[str, Any]]]:
    """name -> (field, columns) of one and the same bags."""
    plain = Field("f")
    structs = [None if b is None else [{"token": t, "weight": w} for t, w in b] for b in bags]
    swapped = pa.struct([("weight", pa.float32()), ("token", pa.large_string())])
    unnamed = pa.struct([("key", pa.string()), ("n", pa.float64())])
    keys = [None if b is None else [{"key": t, "n": w} for t, w in b] for b in bags]
    names = [None if b is None else [t for t, _ in b] for b in bags]
    numbers = [None if b is None else [w for _, w in b] for b in bags]
    by_dictionary = pa.array(names, pa.list_(pa.dictionary(pa.int32(), pa.string())))
    return {
        "list<struct>": (plain, {"f": pa.array(structs, pa.list_(STRUCT))}),
        "list<struct weight first>": (plain, {"f": pa.array(structs, pa.large_list(swapped))}),
        "list<struct by order>": (plain, {"f": pa.array(keys, pa.list_(unnamed))}),
        "map": (plain, {"f": pa.array(bags, pa.map_(pa.string(), pa.float32()))}),
        "two lists": (
            Field("f", weights="w"),
            {"f": pa.array(names, pa.list_(pa.string())), "w": pa.array(numbers, pa.large_list(pa.float32()))},
        ),
        "lists of dictionary": (
            Field("f", weights="w"),
            {"f": by_dictionary, "w": pa.array(numbers, pa.list_(pa.float64()))},
        ),
        "text": (TEXT, {"f": pa.array(text(bags), pa.string())}),
        "binary text": (TEXT, {"f": pa.array([t and t.encode() for t in text(bags)], pa.binary())}),
        "text in a dictionary": (TEXT, {"f": pa.array(text(bags), pa.string()).dictionary_encode()}),
        "text view": (TEXT, {"f": pa.array(text(bags), pa.string_view())}),
        "spaced text": (
            TEXT,
            {"f": pa.array([t and " " + t.replace(",", " ,\t") + "\r" for t in text(bags)], pa.string())},
        ),
    }


@settings(deadline=None, max_examples=60)
@given(weighted_bags, cuts)
def test_every_kind_of_weighted_column_encodes_alike(bags: Bags, cuts: list[int]) -> None:
    expected = None
    for name, (field, columns) in weighted_forms(bags).items():
        table = in_pieces(with_label(columns), cuts)
        encoder = fit(schema_of(field), table)
        found = tokens_of(encoder, "f"), encode(encoder, table, with_labels=True)
        expected = expected or found
        assert found[0] == expected[0], name
        assert_same_chunks(found[1], expected[1])
    assert expected is not None
    assert [[(expected[0][i], w) for i, w in row[0]] for row in rows_of(expected[1], 1)] == [
        [(t, w) for t, w in bag or [] if w != 0] for bag in bags
    ]


@settings(deadline=None, max_examples=40)
@given(weighted_bags)
def test_parquet_keeps_what_memory_has(bags: Bags) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, (field, columns) in weighted_forms(bags).items():
            if name in ("lists of dictionary", "text view"):
                continue  # Parquet has no such types of its own
            table, path = with_label(columns), Path(folder) / "rows.parquet"
            pq.write_table(table, path, row_group_size=3)
            encoder, from_file = fit(schema_of(field), table), fit(schema_of(field), path)
            assert tokens_of(from_file, "f") == tokens_of(encoder, "f"), name
            assert rows_of(encode(from_file, path), 1) == rows_of(encode(encoder, table), 1), name


@settings(deadline=None, max_examples=40)
@given(weighted_bags, st.sampled_from([("csv", ","), ("tsv", "\t"), ("csv.gz", ",")]))
def test_text_in_csv_is_text_in_memory(bags: Bags, kind: tuple[str, str]) -> None:
    ending, delimiter = kind
    bags = [bag and [(t.replace("\n", "_").replace("\r", "_").replace("\x00", "_"), w) for t, w in bag] for bag in bags]
    table = with_label({"f": pa.array(text(bags), pa.string())})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows.{ending}"
        plain = io.StringIO(newline="")
        writer = csv.writer(plain, delimiter=delimiter, lineterminator="\n")
        writer.writerows([["f", "y"], *([row["f"] or "", row["y"]] for row in table.to_pylist())])
        with pa.output_stream(path, compression="detect") as stream:
            stream.write(plain.getvalue().encode())
        encoder = fit(schema_of(TEXT), path)
        assert tokens_of(encoder, "f") == tokens_of(fit(schema_of(TEXT), table), "f")
        assert_same_chunks(encode(encoder, path), encode(encoder, table))


def plain_forms(bags: list[list[str] | None]) -> dict[str, tuple[Field, Any]]:
    texts = [None if bag is None else "|".join(bag) for bag in bags]
    return {
        "list": (Field("f"), pa.array(bags, pa.list_(pa.string()))),
        "large list": (Field("f"), pa.array(bags, pa.large_list(pa.large_string()))),
        "list of bytes": (Field("f"), pa.array([b and [t.encode() for t in b] for b in bags], pa.list_(pa.binary()))),
        "list of dictionary": (Field("f"), pa.array(bags, pa.list_(pa.dictionary(pa.int8(), pa.string())))),
        "text": (Field("f", separators=Separators(pair="|")), pa.array(texts, pa.string())),
    }


@settings(deadline=None, max_examples=40)
@given(plain_bags.map(lambda bags: [b and [t.replace("|", "/") for t in b] for b in bags]), cuts)
def test_every_kind_of_column_without_weights_encodes_alike(bags: list[list[str] | None], cuts: list[int]) -> None:
    found = {}
    for name, (field, column) in plain_forms(bags).items():
        table = in_pieces(with_label({"f": column}), cuts)
        encoder = fit(schema_of(field), table)
        found[name] = tokens_of(encoder, "f"), encode(encoder, table)
    names, chunks = found["list"]
    assert all(chunk.weights is None for chunk in chunks)
    assert [[names[i] for i, _ in row[0]] for row in rows_of(chunks, 1)] == [bag or [] for bag in bags]
    for other_names, other in found.values():
        assert other_names == names
        assert_same_chunks(other, chunks)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_fixed_size_lists_are_lists(size: int) -> None:
    bags = [[f"t{i % 3}" for i in range(r, r + size)] if r % 3 else None for r in range(7)]
    fixed = in_pieces(with_label({"f": pa.array(bags, pa.list_(pa.string(), size))}), [2, 5])
    jagged = in_pieces(with_label({"f": pa.array(bags, pa.list_(pa.string()))}), [2, 5])
    encoder = fit(schema_of(Field("f")), jagged)
    assert_same_chunks(encode(encoder, fixed), encode(encoder, jagged))


@pytest.mark.parametrize("tokens", [[None], [[]]])
@pytest.mark.parametrize("weights", [[None], [[]]])
def test_a_row_alone_may_have_columns_of_no_type(
    tokens: list[list[str] | None], weights: list[list[float] | None]
) -> None:
    """Scoring row by row: Arrow cannot know that a column of one null is a list."""
    field = Field("f", weights="w")
    encoder = fit(schema_of(field), with_label({"f": [["a"]], "w": [[1.0]]}))
    assert rows_of(encode(encoder, {"f": tokens, "w": weights}), 1) == [[[]]]
