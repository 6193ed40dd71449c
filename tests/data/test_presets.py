"""The raw files of Criteo and Avazu, by name of their format."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path
from typing import Any

import pytest
from row_lists import encode, fit, rows_of, tokens_of

from manyhot.data import open_source
from manyhot.errors import BadRowsError, ConfigError, DataError
from manyhot.schema import Field, Reading, Schema

AVAZU = Schema(label="click", fields=(Field("hour_of_day"), Field("weekday"), Field("C1"), Field("hour")))


def test_criteo_has_no_header_and_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    row = ["1", "5", *["2"] * 12, '"a', *["b"] * 25]
    path.write_text("\t".join(row) + "\n" + "\t".join(["0", *[""] * 39]) + "\n")
    schema = Schema(label="Label", fields=(Field("I1", numeric=[]), Field("C1"), Field("C26")))
    encoder = fit(schema, path, format="criteo")
    assert tokens_of(encoder, "C1") == ["OOV", '"a']
    rows = encode(encoder, path, with_labels=True, format="criteo")
    assert rows_of(rows, 3) == [[[(1, 5.0)], [(1, 1.0)], [(1, 1.0)]], [[], [], []]]
    assert open_source(path, reading=Reading(format="criteo")).columns() == [
        "Label",
        *(f"I{i}" for i in range(1, 14)),
        *(f"C{i}" for i in range(1, 27)),
    ]


def test_real_criteo(shared: Path) -> None:
    path = shared / "data" / "criteo" / "criteo_kaggle_a_first10000.tsv.gz"
    first = gzip.decompress(path.read_bytes()).decode().partition("\n")[0].split("\t")
    schema = Schema(label="Label", fields=(Field("C1"), Field("C26"), Field("I2", numeric=[])))
    encoder = fit(schema, path, format="criteo")
    chunks = encode(encoder, path, with_labels=True, format="criteo")
    rows = rows_of(chunks, 3)
    assert len(rows) == 10_000
    assert chunks[0].labels is not None
    assert chunks[0].labels[0] == int(first[0])
    found = [tokens_of(encoder, name)[rows[0][i][0][0]] if rows[0][i] else "" for i, name in enumerate(("C1", "C26"))]
    assert found == [first[14], first[39]]
    assert rows[0][2] == [(1, float(first[2]))]


def avazu(path: Path, *hours: str) -> Path:
    path.write_text("id,click,hour,C1\n" + "".join(f"{i},{i % 2},{hour},1005\n" for i, hour in enumerate(hours)))
    return path


def test_avazu_hours_become_hour_of_day_and_weekday(tmp_path: Path) -> None:
    hours = [f"1410{day:02}{hour:02}" for day in range(21, 31) for hour in range(24)]
    path = avazu(tmp_path / "train.csv", *hours)
    encoder = fit(AVAZU, path, format="avazu")
    names = [tokens_of(encoder, name) for name in ("hour_of_day", "weekday", "C1", "hour")]
    for text, row in zip(hours, rows_of(encode(encoder, path, format="avazu"), 4), strict=True):
        moment = datetime.datetime.strptime(text, "%y%m%d%H")
        expected = [str(moment.hour), str(moment.weekday()), "1005", text]
        assert [names[i][bag[0][0]] for i, bag in enumerate(row)] == expected
    assert open_source(path, reading=Reading(format="avazu")).columns()[-2:] == ["hour_of_day", "weekday"]


@pytest.mark.parametrize("wrong", ["1410210", "14102125", "14132100", "141021x0", "14023000", "２４102100"])
def test_avazu_hours_that_are_none_are_bad_rows(tmp_path: Path, wrong: str) -> None:
    path = avazu(tmp_path / "train.csv", "14102100", "", wrong, "14102101", "x")
    with pytest.raises(BadRowsError) as caught:
        fit(AVAZU, path, format="avazu")
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("2 of 5 rows are bad (3 are good)")
    assert lines == [
        f"  {path}:4: column \"hour\" is no hour as YYMMDDHH: '{wrong}'",
        f"  {path}:6: column \"hour\" is no hour as YYMMDDHH: 'x'",
    ]
    # Where nothing is made of it, the hour is a token like others.
    plain = Schema(label="click", fields=(Field("hour"),))
    assert len(rows_of(encode(fit(plain, path, format="avazu"), path, format="avazu"), 1)) == 5


def test_a_missing_avazu_hour_is_missing(tmp_path: Path) -> None:
    path = avazu(tmp_path / "train.csv", "14102113", "")
    assert rows_of(encode(fit(AVAZU, path, format="avazu"), path, format="avazu"), 4)[1] == [[], [], [(1, 1.0)], []]


def test_a_column_that_avazu_lacks_is_named(tmp_path: Path) -> None:
    path = avazu(tmp_path / "train.csv", "14102113")
    with pytest.raises(DataError, match=r'column "weekdy" is missing; did you mean "weekday"'):
        fit(Schema(label="click", fields=(Field("weekdy"),)), path, format="avazu")


@pytest.mark.parametrize("options", [{"columns": ("a",)}, {"delimiter": ","}])
@pytest.mark.parametrize("name", ["criteo", "avazu", "jsonl", "vw"])
def test_options_of_csv_are_for_csv(name: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is for CSV and TSV files"):
        Reading(format=name, **options)
