"""Sources that cannot be read are one DataError that names the file and what is wrong."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from row_lists import encode, fit, rows_of, schema_of, with_label

from manyhot.data import open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field

SCHEMA = schema_of(Field("city"), Field("age", numeric=[]))
TABLE = with_label({"city": ["a", "b"] * 3000, "age": np.random.default_rng(0).random(6000)})
CSV = b"city,age,y\n" + b"".join(b"c%d,%d,1\n" % (i * 7919 % 100_003, i) for i in range(30_000))


def sentence(data: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        fit(SCHEMA, data, **options)
    assert not isinstance(caught.value, BadRowsError)
    return str(caught.value)


def test_the_rows_of_these_tests_are_good(tmp_path: Path) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(CSV))
    assert len(rows_of(encode(fit(SCHEMA, tmp_path / "rows.csv.gz"), TABLE), 2)) == 6000


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_truncated_columnar_files(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / f"rows.{kind}"
    pq.write_table(TABLE, path) if kind == "parquet" else feather.write_feather(TABLE, path, compression="uncompressed")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * kept)])
    assert sentence(path).startswith(f"{path}: cannot read it as {kind}: ")


@pytest.mark.parametrize("lost", [1, 4, 8, 5000, 100_000])
def test_truncated_gz(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(CSV)[:-lost])
    assert sentence(path).startswith(f"{path}: cannot read it as CSV: ")


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.parquet", "rows.arrow", "rows.csv.zst", "rows.csv.bz2"])
def test_text_under_another_ending(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(CSV)
    assert sentence(path).startswith(f"{path}: cannot read it as ")


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.csv.gz", "rows.parquet", "rows.arrow"])
def test_empty_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    assert sentence(path).startswith(f"{path}: {'is empty' if 'sv' in name else 'cannot read it as '}")
    assert sentence(path, columns=("city", "age", "y")).startswith(
        f"{path}: {'is empty' if 'sv' in name else 'cannot read it as '}"
    )


@pytest.mark.parametrize("name", ["rows", "rows.xlsx", "rows.gz", "rows.xml.gz"])
def test_unknown_endings(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(CSV)
    text = sentence(path)
    assert f"{path}: cannot tell the format" in text
    assert ".parquet" in text


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert f"{tmp_path}/rows.csv: there is no such file" in sentence(tmp_path / "rows.csv")
    assert f"{tmp_path}/*.csv: there is no such file" in sentence(tmp_path / "*.csv")
    assert f"{tmp_path}/b.csv: there is no such file" in sentence("b.csv", folder=tmp_path)
    assert "holds no file that can be read" in sentence(tmp_path)
    (tmp_path / "rows.csv").write_bytes(CSV)
    assert f"{tmp_path}/c.csv: there is no such file" in sentence(["rows.csv", "c.csv"], folder=tmp_path)
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe.csv: is not a regular file" in sentence(tmp_path / "pipe.csv")


def test_no_files_at_all_is_said() -> None:
    assert sentence([])


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    table = TABLE.rename_columns(["citty", "age", "y"])
    pq.write_table(table, tmp_path / "rows.parquet")
    feather.write_feather(table, tmp_path / "rows.arrow", compression="uncompressed")
    (tmp_path / "rows.csv").write_bytes(CSV.replace(b"city", b"citty", 1))
    for data in (tmp_path / "rows.parquet", tmp_path / "rows.arrow", tmp_path / "rows.csv", table, table.to_pandas()):
        text = sentence(data)
        assert 'column "city" is missing; did you mean "citty"?' in text
        assert str(data) in text if isinstance(data, Path) else "the data frame" in text


def test_a_missing_column_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("a\t1\t1\n")
    assert 'column "age" is missing' in sentence(tmp_path / "rows.tsv", columns=("city", "agee", "y"))


def test_a_missing_label_column() -> None:
    assert 'column "y" is missing' in sentence(TABLE.drop_columns(["y"]))


def test_a_missing_column_in_the_second_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "b.csv").write_bytes(CSV.replace(b"age", b"years", 1))
    assert f'{tmp_path}/b.csv: column "age" is missing' in sentence(tmp_path / "*.csv")


def test_a_column_that_occurs_twice(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("city,age,y,age\na,1,1,2\n")
    assert f'{path}: column "age" occurs twice' in sentence(path)
    assert 'column "age" occurs twice' in sentence(
        pa.table([TABLE["city"], TABLE["age"], TABLE["y"], TABLE["y"]], ["city", "age", "y", "age"])
    )


def test_a_name_that_is_not_utf8_matters_only_where_it_hides_a_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"city,\xff,age,y\na,b,2,1\n")
    assert rows_of(encode(fit(SCHEMA, path), path), 2) == [[[(1, 1.0)], [(1, 2.0)]]]
    path.write_bytes(b"cit\xff,age,y\na,2,1\n")
    assert f'{path}: column "city" is missing' in sentence(path)


@pytest.mark.parametrize(
    "data",
    [5, None, [1, 2], object(), {"city": 1}, {"city": ["a", 1]}, {"city": ["a"], "age": [1, 2]}, {"age": [2**70]}],
)
def test_objects_that_are_no_rows(data: Any) -> None:
    with pytest.raises(DataError) as caught:
        open_source(data)
    assert type(data).__name__ in str(caught.value)


def test_a_file_without_rows_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("city,age,y\n")
    pq.write_table(TABLE.slice(0, 0), tmp_path / "rows.parquet")
    for data in (tmp_path / "rows.csv", tmp_path / "rows.parquet", TABLE.slice(0, 0)):
        encoder = fit(SCHEMA, data)
        assert {name: v.size for name, v in encoder.vocabularies.items()} == {"city": 1, "age": 1}
        assert rows_of(encode(encoder, data), 2) == []
