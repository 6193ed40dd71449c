"""Data files that are wrong, each with what is wrong with it, and an experiment that would train on a right one."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

__all__ = ["ARROW", "CSV", "PARQUET", "TSV", "WRONG", "ZSTD", "experiment"]

EXPERIMENT = """
[data]
train = "{name}"
label = "y"
{options}
[fields.city]
[fields.apps]
{apps}
[fields.age]
numeric = ["log1p"]
[model]
name = "lr"
[training]
epochs = 1
batch_size = 8
"""
TEXT_APPS, LIST_APPS = 'separators = { pair = ",", weight = ":" }', 'weights = "minutes"'
HEADER = ("y", "city", "apps", "age")
ROWS = [(str(i % 2), f"c{i % 7}", f"a{i % 5}:0.5|b:{i}".replace("|", ","), str(i)) for i in range(40)]


def table(**changes: Any) -> pa.Table:
    """Typed columns, some of them changed, or left out by None."""
    columns: dict[str, Any] = {
        "y": [i % 2 for i in range(40)],
        "city": [f"c{i % 7}" for i in range(40)],
        "apps": [[f"a{i % 5}", "b"] for i in range(40)],
        "minutes": [[0.5, float(i)] for i in range(40)],
        "age": list(range(40)),
    }
    return pa.table({name: column for name, column in {**columns, **changes}.items() if column is not None})


def parquet(rows: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(rows, out)
    return out.getvalue()


def arrow(rows: pa.Table) -> bytes:
    out = io.BytesIO()
    feather.write_feather(rows, out, compression="uncompressed")
    return out.getvalue()


def changed(column: str, value: Any, row: int = 3) -> list[Any]:
    """A column of `table` with another value in a row."""
    values: list[Any] = table()[column].to_pylist()
    values[row] = value
    return values


def text(rows: list[tuple[str, ...]] | None = None, delimiter: str = ",", header: tuple[str, ...] = HEADER) -> bytes:
    """CSV of ROWS with values in quotes where they hold a comma."""

    def cell(value: str) -> str:
        return f'"{value}"' if delimiter in value or "\n" in value else value

    lines = [header, *(ROWS if rows is None else rows)] if header else ROWS if rows is None else rows
    return "".join(delimiter.join(map(cell, line)) + "\n" for line in lines).encode()


def row_with(row: int, **values: str) -> list[tuple[str, ...]]:
    """ROWS with other values in a row."""
    return [
        tuple(values.get(n, v) for n, v in zip(HEADER, line, strict=True)) if i == row else line
        for i, line in enumerate(ROWS)
    ]


PARQUET, ARROW, CSV, TSV = parquet(table()), arrow(table()), text(), text(delimiter="\t")
ZSTD = pa.compress(CSV, "zstd", asbytes=True)
MANY_ROWS = parquet(table().take(np.arange(20_000) % 40))

# what is wrong: name of the file, its bytes, words of the message (F: the file), and options of [data]
WRONG: dict[str, tuple[str, bytes, tuple[str, ...], str]] = {
    # packed text
    "gz cut": ("t.csv.gz", gzip.compress(CSV)[:-12], ("F: cannot read it as CSV",), ""),
    "gz cut in the middle": ("t.tsv.gz", gzip.compress(TSV * 99)[:200], ("F: cannot read it as CSV",), ""),
    "gz of garbage": ("t.csv.gz", b"\x1f\x8b" + bytes(range(256)), ("F: cannot read it as CSV",), ""),
    "gz that is none": ("t.csv.gz", CSV, ("F: cannot read it as CSV",), ""),
    "gz of nothing": ("t.csv.gz", gzip.compress(b""), ("F: is empty",), ""),
    "gz of no bytes": ("t.csv.gz", b"", ("F",), ""),
    "gz with a damaged byte": (
        "t.csv.gz",
        bytes([*gzip.compress(CSV)[:60], 0x55, *gzip.compress(CSV)[61:]]),
        ("F: cannot",),
        "",
    ),
    "bz2 cut": ("t.csv.bz2", bz2.compress(CSV)[:-9], ("F: cannot read it as CSV",), ""),
    "bz2 that is none": ("t.csv.bz2", CSV, ("F: cannot read it as CSV",), ""),
    "zst of garbage": ("t.csv.zst", b"\x28\xb5\x2f\xfd" + b"garbage" * 9, ("F: cannot read it as CSV",), ""),
    "zst cut": ("t.tsv.zst", ZSTD[: len(ZSTD) // 2], ("F: cannot read it as CSV",), ""),
    "zst that is none": ("t.csv.zst", CSV, ("F: cannot read it as CSV",), ""),
    # Parquet and Arrow as bytes
    "parquet cut in half": ("t.parquet", PARQUET[: len(PARQUET) // 2], ("F: cannot read it as parquet",), ""),
    "parquet without its last byte": ("t.parquet", PARQUET[:-1], ("F: cannot read it as parquet",), ""),
    "parquet of wrong magic": ("t.parquet", b"PARX" + PARQUET[4:-4] + b"PARX", ("F: cannot read it as parquet",), ""),
    "parquet of no bytes": ("t.parquet", b"", ("F: cannot read it as parquet",), ""),
    "parquet with a damaged page": (
        "t.parquet",
        MANY_ROWS[:40] + bytes(4000) + MANY_ROWS[4040:],
        ("F: cannot read it as parquet",),
        "",
    ),
    "parquet with a damaged footer": (
        "t.parquet",
        PARQUET[:-300] + b"\xff" * 280 + PARQUET[-20:],
        ("F: cannot read it as parquet",),
        "",
    ),
    "parquet that is CSV": ("t.parquet", CSV, ("F: cannot read it as parquet",), ""),
    "arrow cut": ("t.arrow", ARROW[: len(ARROW) // 2], ("F: cannot read it as arrow",), ""),
    "arrow of no bytes": ("t.arrow", b"", ("F: cannot read it as arrow",), ""),
    "arrow that is Parquet": ("t.arrow", PARQUET, ("F: cannot read it as arrow",), ""),
    "arrow with a damaged footer": (
        "t.feather",
        ARROW[:-60] + b"\xff" * 50 + ARROW[-10:],
        ("F: cannot read it as arrow",),
        "",
    ),
    "CSV that is Parquet": ("t.csv", PARQUET, ("F", '"city" is missing'), ""),
    "CSV of random bytes": ("t.csv", bytes(np.random.default_rng(5).integers(0, 256, 5000, np.uint8)), ("F",), ""),
    # the text as a whole
    "empty": ("t.csv", b"", ("F: is empty, not even a header",), ""),
    "empty without header": ("t.tsv", b"", ("F: is empty",), 'columns = ["y", "city", "apps", "age"]'),
    "line ends only": ("t.csv", b"\n\r\n\n", ("F: holds nothing but empty lines",), ""),
    "line ends only, without header": (
        "t.tsv",
        b"\n\n",
        ("F: there are no rows to learn from",),
        'columns = ["y", "city", "apps", "age"]',
    ),
    "byte order mark only": ("t.csv", b"\xef\xbb\xbf", ("F: holds nothing but empty lines",), ""),
    "header only": ("t.csv", text([]), ("F: there are no rows to learn from",), ""),
    "header twice": ("t.csv", text([HEADER, *ROWS]), ("F:2: ", '"y" is not a number'), ""),
    "no header": ("t.csv", text(header=()), ('F: column "city" is missing',), ""),
    "header though names are given": (
        "t.tsv",
        TSV,
        ("F:1: ", "is not a number: 'y'"),
        'columns = ["y", "city", "apps", "age"]',
    ),
    "a column twice": ("t.csv", text(header=("y", "city", "city", "age")), ('column "city" occurs twice',), ""),
    "a column misspelled": (
        "t.csv",
        text(header=("y", "citty", "apps", "age")),
        ('"city" is missing; did you mean "citty"?',),
        "",
    ),
    "label missing": ("t.csv", text(header=("z", "city", "apps", "age")), ('column "y" is missing',), ""),
    "wrong delimiter": ("t.csv", text(delimiter=";"), ('column "city" is missing', "known: y;city;apps;age"), ""),
    "wrong delimiter said": ("t.csv", CSV, ('column "city" is missing',), 'delimiter = ";"'),
    "TSV that is CSV": ("t.tsv", CSV, ('column "city" is missing',), ""),
    "quoted though quote = false": (
        "t.csv",
        text(row_with(0, city="a\nb")),
        ("columns instead of 4",),
        "quote = false",
    ),
    "more names than columns": (
        "t.tsv",
        text(delimiter="\t", header=()),
        ("40 of 40 rows are bad", "has 4 columns instead of 5"),
        'columns = ["y", "city", "apps", "age", "more"]',
    ),
    "UTF-16": ("t.csv", CSV.decode().encode("utf-16"), ("F: is UTF-16 text; convert it to UTF-8",), ""),
    "UTF-16 big-endian": ("t.tsv", b"\xfe\xff" + TSV.decode().encode("utf-16-be"), ("F: is UTF-16 text",), ""),
    "Latin-1": (
        "t.csv",
        text(row_with(7, city="zürich")).decode().encode("latin-1"),
        ("F:9: ", '"city" is not UTF-8 text'),
        "",
    ),
    "Latin-1 in a row too short": ("t.tsv", TSV + b"1\tz\xfcrich\n", ("F:42: has 2 columns instead of 4",), ""),
    # single rows of text
    "a row too long": ("t.csv", CSV + b"1,a,b:1,3,4\n", ("F:42: has 5 columns instead of 4",), ""),
    "a row too short": (
        "t.csv",
        b"y,city,apps,age\n1,a\n",
        ("F:2: has 2 columns instead of 4", "1 of 1 rows are bad"),
        "",
    ),
    "unclosed quote": (
        "t.csv",
        CSV + b'1,"a,b:1,3\n' + b"0,c,b:1,3\n" * 9,
        ("F:42: ", "a quote is not closed", "quote = false"),
        "",
    ),
    "unclosed quote in the header": ("t.csv", b'y,"city,apps,age\n' + CSV, ("F", "missing"), ""),
    "text behind a quote": ("t.csv", CSV + b'1,"a"b,b:1,3\n', ("F:42: ", "a closed quote is followed by"), ""),
    "negative label": ("t.csv", text(row_with(2, y="-1")), ("F:4: ", "neither 0 nor 1"), ""),
    "label 2": ("t.csv", text(row_with(2, y="2")), ("F:4: ", "neither 0 nor 1"), ""),
    "label in words": (
        "t.tsv",
        text(row_with(2, y="clicked"), "\t"),
        ("F:4: ", "\"y\" is not a number: 'clicked'"),
        "",
    ),
    "label of nothing": ("t.tsv", text(row_with(2, y=""), "\t"), ("F:4: ", '"y" (the label) is missing'), ""),
    "decimal comma": ("t.tsv", text(row_with(4, age="3,5"), "\t"), ("F:6: ", "\"age\" is not a number: '3,5'"), ""),
    "number too large": ("t.csv", text(row_with(4, age="1e400")), ("F:6: ", '"age"'), ""),
    "number below its log1p": ("t.csv", text(row_with(4, age="-5")), ("F:6: ", "log1p is undefined"), ""),
    "not a number": ("t.csv", text(row_with(4, age="NaN")), ("F:6: ", '"age" is not a finite number'), ""),
    "NUL bytes": ("t.csv", text(row_with(4, age="1\x00")), ("F:6: ", '"age" is not a number'), ""),
    "a weight in words": (
        "t.csv",
        text(row_with(4, apps="a:x")),
        ("F:6: ", '"apps" holds a weight that is no number'),
        "",
    ),
    "a weight left out": ("t.csv", text(row_with(4, apps="a:1,b")), ("F:6: ", "a pair without a weight"), ""),
    "an infinite weight": ("t.csv", text(row_with(4, apps="a:1e39")), ("F:6: ", "a weight that is not finite"), ""),
    "an empty token": ("t.csv", text(row_with(4, apps="a:1,,b:1")), ("F:6: ", "an empty token"), ""),
    # typed columns
    "list where text is expected": ("t.parquet", PARQUET, ('"apps" is list<', "needs no separators"), "TEXT"),
    "text where a list is expected": (
        "t.parquet",
        parquet(table(apps=[f"a{i}" for i in range(40)])),
        ('"minutes" is list<', "weights must be numbers"),
        "",
    ),
    "weights of another length": (
        "t.parquet",
        parquet(table(minutes=changed("minutes", [1.0]))),
        ("F, row 4: ", "another length than its weights"),
        "",
    ),
    "a null weight": (
        "t.parquet",
        parquet(table(minutes=changed("minutes", [1.0, None]))),
        ("F, row 4: ", "null, NaN or infinite"),
        "",
    ),
    "a weight that is NaN": (
        "t.arrow",
        arrow(table(minutes=changed("minutes", [1.0, float("nan")]))),
        ("F, row 4: ", "null, NaN or infinite"),
        "",
    ),
    "a null token in a list": (
        "t.arrow",
        arrow(table(apps=changed("apps", ["a", None]))),
        ("F, row 4: ", "an empty token"),
        "",
    ),
    "weights missing": ("t.parquet", parquet(table(minutes=None)), ('"minutes" is missing',), ""),
    "weights in words": (
        "t.arrow",
        arrow(table(minutes=[["1", "2"]] * 40)),
        ('"minutes" is', "weights must be numbers"),
        "",
    ),
    "numbers that are lists": (
        "t.parquet",
        parquet(table(age=[[1]] * 40)),
        ('"age" is list<', "the field is numeric"),
        "",
    ),
    "numbers that are dates": (
        "t.parquet",
        parquet(table(age=[pd.Timestamp(0)] * 40)),
        ('"age" is timestamp', "the field is numeric"),
        "",
    ),
    "tokens that are fractions": (
        "t.arrow",
        arrow(table(city=[i / 2 for i in range(40)])),
        ('"city" is double', "use numeric"),
        "",
    ),
    "tokens that are structs": (
        "t.parquet",
        parquet(table(city=[{"a": 1}] * 40)),
        ('"city" is struct<', "gives no tokens"),
        "",
    ),
    "bytes that are no UTF-8": (
        "t.parquet",
        parquet(table(city=changed("city", b"\xff") and [b"\xff"] * 40)),
        ("F, row 1: ", "is not UTF-8 text"),
        "",
    ),
    "label typed 2": ("t.parquet", parquet(table(y=changed("y", 2))), ("F, row 4: ", "neither 0 nor 1"), ""),
    "label null": ("t.arrow", arrow(table(y=changed("y", None))), ("F, row 4: ", "(the label) is missing"), ""),
    "label a list": ("t.arrow", arrow(table(y=[[1]] * 40)), ('"y" is list<',), ""),
    "a column twice, typed": (
        "t.parquet",
        parquet(pa.table([table()["y"], *table().columns], ["y", *table().column_names])),
        ('column "y" occurs twice',),
        "",
    ),
    "no rows": ("t.parquet", parquet(table().slice(0, 0)), ("F: there are no rows to learn from",), ""),
    "no rows, Arrow": ("t.ipc", arrow(table().slice(0, 0)), ("F: there are no rows to learn from",), ""),
    # names
    "unknown ending": ("t.xlsx", CSV, ("F: cannot tell the format",), ""),
    "no ending": ("t", CSV, ("F: cannot tell the format",), ""),
}


def experiment(folder: Path, name: str, options: str = "") -> Path:
    """An experiment file whose fields fit the kind of file."""
    typed = any(name.endswith(ending) for ending in (".parquet", ".arrow", ".feather", ".ipc")) and options != "TEXT"
    path = folder / "clicks.toml"
    path.write_text(
        EXPERIMENT.format(name=name, options=options.replace("TEXT", ""), apps=LIST_APPS if typed else TEXT_APPS)
    )
    return path
