"""Bad rows: one error with place, column and reason of the first ten, and counts that add up; from every source."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from row_lists import encode, fit, schema_of, with_label

from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Separators

SCHEMA = schema_of(Field("apps", separators=Separators(weight=":")), Field("age", numeric=["clip(0, 99)"]))
NAMES = ("y", "apps", "age")
GOOD = ("1", "a:0.5", "30")
# what stands in a row -> column and reason
BAD: dict[tuple[str, str, str], str] = {
    ("1", "a:o.5", "30"): "column \"apps\" holds a weight that is no number: 'a:o.5'",
    ("1", "a:1,b", "30"): 'column "apps" holds a pair without a weight',
    ("1", "a:nan", "30"): 'column "apps" holds a weight that is not finite',
    ("1", "a:-inf", "30"): 'column "apps" holds a weight that is not finite',
    ("1", "a:1,,b:1", "30"): 'column "apps" holds an empty token',
    ("2", "a:1", "30"): 'column "y" (the label) is neither 0 nor 1',
    ("0.5", "a:1", "30"): 'column "y" (the label) is neither 0 nor 1',
    ("", "a:1", "30"): 'column "y" (the label) is missing',
    ("yes", "a:1", "30"): "column \"y\" is not a number: 'yes'",
    ("1", "a:1", "old"): "column \"age\" is not a number: 'old'",
    ("1", "a:1", "nan"): 'column "age" is not a finite number',
    ("1", "a:1", "inf"): 'column "age" is not a finite number',
    ("1", "a:1", "1_0"): "column \"age\" is not a number: '1_0'",
}


def delimited(rows: list[tuple[str, ...]], delimiter: str) -> bytes:
    quote = '"' if delimiter == "," else ""
    return b"".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row).encode() + b"\n" for row in rows)


def source_of(kind: str, rows: list[tuple[str, str, str]], folder: Path) -> tuple[Any, dict[str, Any], str]:
    """data, options of open_source, and the place of row {0} (from 1) or line {1} in sentences."""
    columns = {name: [row[i] for row in rows] for i, name in enumerate(NAMES)}
    path = folder / f"rows.{kind}"
    if kind == "csv":
        path.write_bytes(delimited([NAMES, *rows], ","))
        return path, {}, f"{path}:{{1}}: "
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(delimited([NAMES, *rows], ",")))
        return path, {}, f"{path}:{{1}}: "
    if kind == "tsv":
        path.write_bytes(delimited(rows, "\t"))
        return path, {"columns": NAMES}, f"{path}:{{0}}: "
    if kind == "parquet":
        pq.write_table(
            pa.table({n: pa.array([v or None for v in c]) for n, c in columns.items()}), path, row_group_size=2
        )
        return path, {}, f"{path}, row {{0}}: "
    return pd.DataFrame(columns), {}, "the data frame, row {0}: "


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "parquet", "frame"])
@pytest.mark.parametrize("bad", BAD, ids="|".join)
def test_a_bad_row_is_named_and_counted(kind: str, bad: tuple[str, str, str], tmp_path: Path) -> None:
    rows = [GOOD, GOOD, bad, GOOD]
    data, options, place = source_of(kind, rows, tmp_path)
    encoder = fit(SCHEMA, pd.DataFrame({name: [GOOD[i]] for i, name in enumerate(NAMES)}))
    for task in (lambda: fit(SCHEMA, data, **options), lambda: encode(encoder, data, with_labels=True, **options)):
        with pytest.raises(BadRowsError) as caught:
            task()
        sentence = str(caught.value)
        assert "1 of 4 rows are bad (3 are good)" in sentence
        assert place.format(3, 4) + BAD[bad] in sentence
        assert len(sentence.splitlines()) == 2


def test_without_labels_a_bad_label_does_no_harm(tmp_path: Path) -> None:
    encoder = fit(SCHEMA, pd.DataFrame({name: [GOOD[i]] for i, name in enumerate(NAMES)}))
    for kind in ("csv", "parquet", "frame"):
        data, options, _ = source_of(kind, [("2", "a:1", "3")], tmp_path)
        assert len(encode(encoder, data, **options)) == 1


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "parquet", "frame"])
def test_ten_rows_are_shown_and_the_rest_counted(kind: str, tmp_path: Path) -> None:
    rows = [(("2" if i % 2 else "1"), "a:1", "3") for i in range(50)]
    data, options, place = source_of(kind, rows, tmp_path)
    with pytest.raises(BadRowsError) as caught:
        fit(SCHEMA, data, **options)
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("25 of 50 rows are bad (25 are good)")
    assert [line.strip().split("column")[0] for line in lines[:-1]] == [
        place.format(2 * i, 2 * i + 1) for i in range(1, 11)
    ]
    assert lines[-1].strip() == "... and 15 more"


def test_a_row_is_counted_once_with_its_first_reason() -> None:
    with pytest.raises(BadRowsError) as caught:
        fit(SCHEMA, {"y": ["2"], "apps": ["a"], "age": ["x"]})
    first, line = str(caught.value).splitlines()
    assert first.startswith("1 of 1 rows are bad (0 are good)")
    assert "(the label) is neither 0 nor 1" in line


WEIGHTED = schema_of(Field("f", weights="w"))
STRUCT = pa.list_(pa.struct([("token", pa.string()), ("weight", pa.float64())]))
NAN = float("nan")
WEIGHT = 'column "f" has a weight that is null, NaN or infinite'
TYPED_BAD = {
    "nan in a list": (WEIGHTED, {"f": [["a"], ["b", "c"]], "w": [[1.0], [1.0, NAN]]}, WEIGHT),
    "null in a list": (WEIGHTED, {"f": [["a"], ["b", "c"]], "w": [[1.0], [None, 1.0]]}, WEIGHT),
    "infinity in a list": (WEIGHTED, {"f": [["a"], ["b"]], "w": [[1.0], [-np.inf]]}, WEIGHT),
    "too large for float32": (WEIGHTED, {"f": [["a"], ["b"]], "w": [[1.0], [1e39]]}, WEIGHT),
    "weights too short": (WEIGHTED, {"f": [["a"], ["b", "c"]], "w": [[1.0], [1.0]]}, "another length than its weights"),
    "weights missing": (WEIGHTED, {"f": [["a"], ["b"]], "w": [[1.0], None]}, "another length than its weights"),
    "weights without tokens": (WEIGHTED, {"f": [["a"], None], "w": [[1.0], [1.0]]}, "another length than its weights"),
    "scalar without its weight": (WEIGHTED, {"f": ["a", "b"], "w": [1.0, None]}, WEIGHT),
    "nan of a scalar": (WEIGHTED, {"f": ["a", "b"], "w": [1.0, NAN]}, WEIGHT),
    "null token": (schema_of(Field("f")), {"f": [["a"], ["b", None]]}, 'column "f" holds an empty token'),
    "empty token": (schema_of(Field("f")), {"f": [["a"], ["", "b"]]}, 'column "f" holds an empty token'),
    "null struct": (
        schema_of(Field("f")),
        {"f": pa.array([[], [{"token": "a", "weight": 1.0}, None]], STRUCT)},
        'column "f" ',
    ),
    "nan in a struct": (schema_of(Field("f")), {"f": pa.array([[], [{"token": "a", "weight": NAN}]], STRUCT)}, WEIGHT),
    "nan in a map": (
        schema_of(Field("f")),
        {"f": pa.array([[], [("a", NAN)]], pa.map_(pa.string(), pa.float64()))},
        WEIGHT,
    ),
    "number is nan": (
        schema_of(Field("f", numeric=[])),
        {"f": pa.array([1.0, NAN])},
        'column "f" is not a finite number',
    ),
    "bytes": (schema_of(Field("f")), {"f": pa.array([b"a", b"\xff"])}, 'column "f" is not UTF-8 text'),
    "bytes in a list": (
        schema_of(Field("f")),
        {"f": pa.array([[b"a"], [b"b", b"\xff"]])},
        'column "f" is not UTF-8 text',
    ),
}


@pytest.mark.parametrize("case", TYPED_BAD)
def test_a_bad_value_in_typed_columns_is_named(case: str, tmp_path: Path) -> None:
    schema, columns, reason = TYPED_BAD[case]
    table = with_label(columns)
    pq.write_table(table, tmp_path / "rows.parquet")
    for data, place in (
        (table, "the data frame, row 2: "),
        (tmp_path / "rows.parquet", f"{tmp_path}/rows.parquet, row 2: "),
    ):
        with pytest.raises(BadRowsError) as caught:
            fit(schema, data)
        sentence = str(caught.value)
        assert "1 of 2 rows are bad (1 are good)" in sentence
        assert place in sentence
        assert reason in sentence


def test_a_struct_of_three_and_other_wrong_types_are_one_error() -> None:
    three = pa.array([[{"a": "x", "b": 1.0, "c": 2}]])
    cases: list[tuple[Field, dict[str, Any], str]] = [
        (Field("f"), {"f": three}, "two members, token and weight"),
        (Field("f"), {"f": [1.5]}, "double, which gives no tokens; use numeric"),
        (Field("f"), {"f": [[1.5]]}, "gives no tokens; use numeric"),
        (Field("f"), {"f": [[["x"]]]}, "gives no tokens"),
        (Field("f"), {"f": [{"a": 1}]}, "gives no tokens"),
        (Field("f", weights="w"), {"f": [["x"]], "w": [1.0]}, "weights of a list must be a list"),
        (Field("f", weights="w"), {"f": ["x"], "w": ["1"]}, "weights must be numbers"),
        (Field("f", weights="w"), {"f": ["x"], "w": [[1.0]]}, "weights must be numbers"),
        (
            Field("f", weights="w"),
            {"f": pa.array([[("a", 1.0)]], pa.map_(pa.string(), pa.float32())), "w": [[1.0]]},
            "own weights",
        ),
        (Field("f", separators=Separators()), {"f": [["x"]]}, "needs no separators; remove them"),
        (Field("f", numeric=[]), {"f": [[1.0]]}, "but the field is numeric"),
    ]
    for field, columns, reason in cases:
        with pytest.raises(DataError) as caught:
            fit(schema_of(field), with_label(columns))
        assert not isinstance(caught.value, BadRowsError)
        assert "the data frame: column" in str(caught.value)
        assert reason in str(caught.value)


@pytest.mark.parametrize("weights", [[1.0], [["heavy"]], [True]])
def test_a_wrong_type_of_weights_names_the_column_of_the_weights(weights: list[Any]) -> None:
    with pytest.raises(DataError, match='column "w" is'):
        fit(schema_of(Field("f", weights="w")), with_label({"f": [["a"]], "w": weights}))
