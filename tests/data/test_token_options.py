"""OOV policies, missing tokens, max_pairs and crosses, in any mixture and format, are what a slow definition says."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from field_oracle import Oracle, Row
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, in_pieces, rows_of, tokens_of

from manyhot.data import Encoder
from manyhot.schema import Field, Schema, Separators, Vocabulary

TOKENS = ["a", "b", "c", "a|", "|", "\\", "\\|", "é", "<missing>", "longer than eight"]
WEIGHTS = [0.0, 0.5, -0.5, 1.0, 1.0, 2.0, -2.0, 0.3, 0.7, 1e-25]
token = st.sampled_from(TOKENS)
bag = st.lists(st.tuples(token, st.sampled_from(WEIGHTS)), max_size=5)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "apps": bag,
            "days": bag,
            "city": st.none() | token,
            "c1": st.none() | token,
            "c2": st.none() | token,
            "hour": st.none() | st.integers(-3, 9),
        }
    ),
    min_size=1,
    max_size=12,
)


def vocabularies(name: str) -> st.SearchStrategy[Vocabulary]:
    few = st.none() | st.integers(1, 3)
    fitted = st.builds(
        lambda least, most, buckets, oov: Vocabulary(
            name, min_count=least, max_size=most, oov_buckets=buckets, oov="keep" if buckets else oov
        ),
        *(st.integers(1, 3), st.none() | st.integers(1, 4), few, st.sampled_from(["keep", "drop", "column"])),
    )
    return fitted | st.just(Vocabulary(name, hash_buckets=7))


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    def options(name: str) -> dict[str, Any]:
        vocabulary = draw(st.none() | vocabularies(name) | st.sampled_from([shared]))
        dropped = vocabulary is not None and vocabulary.oov == "drop"
        missing = draw(st.sampled_from(["empty", "token"] if dropped else ["empty", "token", "oov"]))
        return {"vocabulary": vocabulary, "missing": missing}

    def few() -> int | None:
        return draw(st.none() | st.integers(1, 3))

    shared = draw(vocabularies("shared"))
    step = draw(st.sampled_from(["bucket(0, 5)", "quantile_bucket(3)"]))
    fields = [
        Field("apps", separators=Separators(weight=":"), max_pairs=few(), **options("apps")),
        Field("days", separators=Separators(weight=":"), max_pairs=few(), **options("days")),
        Field("city", **options("city")),
        Field("cats", columns=["c1", "c2"], max_pairs=few(), **options("cats")),
        Field("hour", numeric=[step], **options("hour")),
    ]
    names = [field.name for field in fields]
    for i in draw(st.sampled_from([(), (2,), (3,), (2, 3)])):
        crossed = draw(st.permutations(names))[:i]
        counted = not (step.startswith("quantile") and "hour" in crossed)
        vocabulary = draw(st.none() | (vocabularies(f"x{i}") if counted else st.just(Vocabulary("x", hash_buckets=9))))
        fields.append(Field(f"x{i}", vocabulary, cross=crossed, max_pairs=few()))
    return Schema(label="y", fields=draw(st.permutations(fields)))


def table_of(rows: list[Row]) -> pa.Table:
    return pa.table(
        {
            **{
                name: [",".join(f"{t}:{w!r}" for t, w in row[name]) or None for row in rows]
                for name in ("apps", "days")
            },
            **{name: pa.array([row[name] for row in rows], pa.string()) for name in ("city", "c1", "c2")},
            "hour": pa.array([row["hour"] for row in rows], pa.int64()),
            "y": [0] * len(rows),
        }
    )


def float32_weights(rows: list[Row]) -> list[Row]:
    """Weights as any reader of them holds them."""
    return [{**row, **{n: [(t, float(np.float32(w))) for t, w in row[n]] for n in ("apps", "days")}} for row in rows]


def forms(table: pa.Table, folder: Path) -> list[Any]:
    """The same rows as files and as objects."""
    pq.write_table(table, folder / "rows.parquet")
    with (folder / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([table.column_names, *(row.values() for row in table.to_pylist())])
    by_dictionary = {name: table[name].combine_chunks().dictionary_encode() for name in ("city", "c1", "c2")}
    dictionaries = {name: by_dictionary.get(name, table[name]) for name in table.column_names}
    return [table, folder / "rows.parquet", folder / "rows.csv", table.to_pandas(), table.to_pydict(), dictionaries]


@settings(deadline=None, max_examples=80)
@given(schemas(), rows, rows, st.lists(st.integers(1, 11), max_size=3))
def test_every_mixture_of_options_is_its_definition(
    schema: Schema, training: list[Row], other: list[Row], cuts: list[int]
) -> None:
    oracle = Oracle(schema, float32_weights(training))
    encoder = fit(schema, in_pieces(table_of(training), cuts))
    for name, known in oracle.known.items():
        assert tokens_of(encoder, name) == ["OOV", *known]
    expected = oracle.encode(float32_weights(other))
    for chunks in (encode(encoder, table_of(other)), encode(encoder, in_pieces(table_of(other), cuts))):
        assert rows_of(chunks, len(schema.fields)) == expected
        found: dict[str, list[int]] = {}
        for chunk in chunks:
            for name, cut in chunk.cuts.items():
                found[name] = [a + b for a, b in zip(found.get(name, [0, 0]), cut, strict=True)]
        assert found == oracle.cuts
    sizes = {name: v.size for name, v in encoder.vocabularies.items()}
    for row in expected:
        for field, bag in zip(schema.fields, row, strict=True):
            assert all(0 <= i < sizes[field.vocabulary_name] for i, _ in bag)


@settings(deadline=None, max_examples=25)
@given(schemas(), rows)
def test_every_format_gives_the_same_ids(schema: Schema, rows: list[Row]) -> None:
    table = table_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        first, *others = forms(table, Path(folder))
        encoder = fit(schema, first)
        expected = rows_of(encode(encoder, first), len(schema.fields))
        for form in others:
            again = fit(schema, form)
            assert again.fingerprint() == encoder.fingerprint()
            assert rows_of(encode(again, form), len(schema.fields)) == expected


@settings(deadline=None, max_examples=25)
@given(schemas(), rows)
def test_options_survive_the_state_of_the_encoder(schema: Schema, rows: list[Row]) -> None:
    encoder = fit(schema, table_of(rows))
    again = Encoder.from_state(*encoder.state())
    assert again.schema == Schema.from_dict(schema.to_dict(complete=True))
    assert again.fingerprint() == encoder.fingerprint()
    expected = rows_of(encode(encoder, table_of(rows)), len(schema.fields))
    assert rows_of(encode(again, table_of(rows)), len(schema.fields)) == expected
