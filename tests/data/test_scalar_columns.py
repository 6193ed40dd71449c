"""Single-valued columns: one token a row, the same one from Parquet, CSV, Arrow IPC, pandas and views."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from row_lists import bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of, with_label

from manyhot.schema import Field, Vocabulary

DAYS = [datetime.date(2024, 1, 31), None, datetime.date(1969, 12, 31), datetime.date(2024, 1, 31)]
COLUMNS = {
    "text": pa.array(["berlin", None, "köln, süd", "berlin"]),
    "integer": pa.array([7, None, -3, 7]),
    "small": pa.array([7, None, 3, 7], pa.uint8()),
    "bool": pa.array([True, None, False, True]),
    "date": pa.array(DAYS, pa.date32()),
}
TOKENS = {
    "text": ["berlin", "köln, süd"],
    "integer": ["7", "-3"],
    "small": ["7", "3"],
    "bool": ["true", "false"],
    "date": ["2024-01-31", "1969-12-31"],
}
SCHEMA = schema_of(*(Field(name) for name in COLUMNS))


def sources(folder: Path) -> dict[str, Any]:
    table = with_label(COLUMNS)
    pq.write_table(table, folder / "rows.parquet")
    pacsv.write_csv(table, folder / "rows.csv")
    pacsv.write_csv(table, folder / "rows.tsv", pacsv.WriteOptions(delimiter="\t"))
    feather.write_feather(table, folder / "rows.arrow", compression="uncompressed")
    frame = table.to_pandas(date_as_object=True)  # integers beside a null become floats, as pandas has it
    assert frame["integer"].dtype == np.float64
    return {
        **{kind: folder / f"rows.{kind}" for kind in ("parquet", "csv", "tsv", "arrow")},
        "pandas": frame,
        "pandas, nullable": table.to_pandas(
            types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get
        ),
        "string views, as polars gives": table.set_column(0, "text", table["text"].cast(pa.string_view())),
        "dict": {name: table[name].to_pylist() for name in table.column_names},
        "record batch": table.to_batches()[0],
        "dictionary": pa.table(
            {n: table[n].dictionary_encode() if n == "text" else table[n] for n in table.column_names}
        ),
    }


KINDS = ["parquet", "csv", "tsv", "arrow", "pandas", "pandas, nullable", "dict", "record batch", "dictionary"]
KINDS += ["string views, as polars gives"]


@pytest.mark.parametrize("kind", KINDS)
def test_scalars_give_the_same_ids_from_every_source(tmp_path: Path, kind: str) -> None:
    source = sources(tmp_path)[kind]
    own, other = fit(SCHEMA, source), fit(SCHEMA, with_label(COLUMNS))
    assert {name: tokens_of(own, name)[1:] for name in COLUMNS} == TOKENS
    for encoder in (own, other):
        assert rows_of(encode(encoder, source), 5) == [[[(1, 1.0)]] * 5, [[]] * 5, [[(2, 1.0)]] * 5, [[(1, 1.0)]] * 5]


def test_lists_of_string_views_are_lists() -> None:
    bags = pa.array([["b", "a"], None, ["a"]], pa.large_list(pa.string_view()))
    data = with_label({"f": bags, "w": [[0.5, 2.0], None, [1.0]]})
    field = Field("f", weights="w")
    found = bags_as_tokens(fit(schema_of(field), data), field, data)
    assert found == [[("b", 0.5), ("a", 2.0)], [], [("a", 1.0)]]


def test_whole_floats_are_the_tokens_of_integers() -> None:
    encoder = fit(schema_of(Field("f")), with_label({"f": [3, 7]}))
    assert bags_as_tokens(encoder, Field("f"), {"f": [7.0, None, 3.0]}) == [[("7", 1.0)], [], [("3", 1.0)]]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "+05:30"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_moment_is_one_token_in_every_resolution(unit: str, zone: str | None) -> None:
    days = [
        datetime.datetime(2024, 1, 31),
        datetime.datetime(1969, 12, 31, 12, 30),
        datetime.datetime(2024, 1, 31, 10, 20, 30),
    ]
    moments = [*days, days[0] + datetime.timedelta(milliseconds=120)] if unit != "s" else days
    data = with_label({"f": pa.array(moments, pa.timestamp("us", zone))})
    encoder = fit(schema_of(Field("f")), data)
    assert len(tokens_of(encoder, "f")) == 1 + len(moments)
    same = {"f": pa.array(moments, pa.timestamp(unit, zone))}
    assert rows_of(encode(encoder, same), 1) == rows_of(encode(encoder, data), 1)


def test_days_of_a_pandas_datetime_column_are_dates() -> None:
    encoder = fit(schema_of(Field("f")), with_label({"f": pa.array(DAYS, pa.date32())}))
    frame = pd.DataFrame({"f": pd.to_datetime(pd.Series(DAYS))})
    assert bags_as_tokens(encoder, Field("f"), frame) == bags_as_tokens(encoder, Field("f"), {"f": DAYS})


def test_empty_text_is_missing_and_spaces_are_not() -> None:
    data = with_label({"f": ["", " ", None, "a"]})
    assert bags_as_tokens(fit(schema_of(Field("f")), data), Field("f"), data) == [[], [(" ", 1.0)], [], [("a", 1.0)]]


def test_missing_oov_gives_the_pair_oov_one_that_is_never_counted(tmp_path: Path) -> None:
    field = Field("f", Vocabulary("v", max_size=1), missing="oov")
    data = with_label({"f": [None, "", None, "a", "b", "a"]})
    pq.write_table(data, tmp_path / "rows.parquet")
    for source in (data, tmp_path / "rows.parquet"):
        encoder = fit(schema_of(field), source)
        assert tokens_of(encoder, "v") == ["OOV", "a"]
        one = [("OOV", 1.0)]
        assert bags_as_tokens(encoder, field, source) == [one, one, one, [("a", 1.0)], one, [("a", 1.0)]]


def test_missing_oov_of_weighted_lists_and_buckets() -> None:
    weighted = Field("f", weights="w", missing="oov")
    data = with_label({"f": [["a"], None, ["b", "c"]], "w": [[2.0], None, [0.0, 3.0]]})
    encoder = fit(schema_of(weighted), data)
    assert bags_as_tokens(encoder, weighted, data) == [[("a", 2.0)], [("OOV", 1.0)], [("c", 3.0)]]
    bucket = Field("f", numeric=["bucket(1)"], missing="oov")
    data = with_label({"f": [0.0, None, 2.0]})
    assert bags_as_tokens(fit(schema_of(bucket), data), bucket, data) == [[("0", 1.0)], [("OOV", 1.0)], [("1", 1.0)]]


def test_a_scalar_with_a_weight() -> None:
    field = Field("f", weights="w")
    data = with_label({"f": ["a", None, "b", ""], "w": [0.5, None, 0.0, 2.0]})
    encoder = fit(schema_of(field), data)
    assert tokens_of(encoder, "f") == ["OOV", "a"]
    assert bags_as_tokens(encoder, field, data) == [[("a", 0.5)], [], [], []]


def test_several_columns_in_one_bag_keep_their_names() -> None:
    field = Field("f", columns=["C1", "C2"])
    data = with_label({"C1": ["x", "x", None], "C2": ["x", None, "y"]})
    encoder = fit(schema_of(field), data)
    assert tokens_of(encoder, "f") == ["OOV", "C1/x", "C2/x", "C2/y"]
    assert bags_as_tokens(encoder, field, data) == [[("C1/x", 1.0), ("C2/x", 1.0)], [("C1/x", 1.0)], [("C2/y", 1.0)]]
