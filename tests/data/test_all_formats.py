"""One data set in every format: the same tokens, ids, weights and labels come out of each."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from postgresql_server import running_server
from row_lists import rows_of, tokens_of

from manyhot.data import Encoder, Source, open_source
from manyhot.schema import Field, Querying, Reading, Schema, Separators, Vocabulary

NAMES = ("y", "city", "device", "price", "apps", "installed")
CITIES = (None, "Zürich", "東京", "São_Paulo", "oslo", "🚲")
APPS = ("wechat", "weibo", "微信", "maps", "c#", "Ünïcode", "a=b", "x")
Row = dict[str, Any]


def generated(num_rows: int = 300) -> list[Row]:
    """Label, a token, an int, a number, a weighted bag (a list of pairs) and a list of tokens; some are missing."""
    rng = random.Random(3)
    return [
        {
            "y": rng.randrange(2),
            "city": rng.choice(CITIES),
            "device": rng.choice([None, 0, 1, 7, 10**12]),
            "price": rng.choice([None, 0.0, round(rng.uniform(-5, 50), 3), 1e-7, 12.0]),
            "apps": [(rng.choice(APPS), rng.choice([0.5, 1.0, 0.1, -2.5, 0.0, 3e-9])) for _ in range(rng.randrange(5))],
            "installed": rng.sample(APPS, rng.randrange(4)),
        }
        for _ in range(num_rows)
    ]


ROWS = generated()


def schema_of_kind(*, text_bags: bool = False, number_as_pair: bool = False, label: str = "y") -> Schema:
    """The fields, as columns of typed values, of text, or all as bags give them."""
    return Schema(
        label=label,
        fields=(
            Field("city"),
            Field("device"),
            Field("price") if number_as_pair else Field("price", numeric=[]),
            Field("apps", vocabulary=Vocabulary("app"), separators=Separators(weight=":") if text_bags else None),
            Field("installed", vocabulary="app", separators=Separators() if text_bags else None),
        ),
    )


def read(schema: Schema, data: Any, **options: Any) -> tuple[dict[str, list[str]], list[Any], list[float]]:
    """Tokens by vocabulary, bags by row and field, labels. One source is read twice."""
    source = data if isinstance(data, Source) else open_source(data, reading=Reading(**options))
    encoder = Encoder.fit(schema, source)
    chunks = list(encoder.encode(source, with_labels=True))
    labels = [label for chunk in chunks if chunk.labels is not None for label in chunk.labels.tolist()]
    tokens = {name: tokens_of(encoder, name) for name in encoder.vocabularies}
    return tokens, rows_of(chunks, len(schema.fields)), labels


# Objects in Python.


def structs(row: Row) -> Row:
    return {**row, "apps": [{"token": t, "weight": w} for t, w in row["apps"]]}


def columns_of_rows() -> dict[str, list[Any]]:
    return {name: [structs(row)[name] for row in ROWS] for name in NAMES}


def arrow_table() -> pa.Table:
    return pa.table(columns_of_rows())


class Restartable:
    """Gives the rows anew each time."""

    def __iter__(self) -> Iterator[Row]:
        return iter(ROWS)


OBJECTS: dict[str, Callable[[], Any]] = {
    "arrow table": arrow_table,
    "pandas": lambda: pd.DataFrame(columns_of_rows()),
    "polars": lambda: pl.DataFrame(columns_of_rows(), strict=False),
    "duckdb relation": lambda: duckdb.from_arrow(arrow_table()),
    "dict of columns": columns_of_rows,
    "list of dicts": lambda: ROWS,
    "list of dicts with structs": lambda: [structs(row) for row in ROWS],
    "generator": lambda: (dict(row) for row in ROWS),
    "generator of numpy": lambda: ({**row, "installed": np.array(row["installed"], object)} for row in ROWS),
    "iterable": Restartable,
}

# Files. Each writer returns options of reading.


def cell(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(v if isinstance(v, str) else f"{v[0]}:{v[1]!r}" for v in value)
    return "" if value is None else str(value)


def delimited(delimiter: str, quote: str = "", header: bool = True) -> bytes:
    lines = [list(NAMES)] * header + [[cell(row[name]) for name in NAMES] for row in ROWS]
    return "".join(delimiter.join(f"{quote}{c}{quote}" for c in line) + "\n" for line in lines).encode()


def json_lines(apps: Callable[[list[Any]], Any], leave_out_missing: bool = False) -> bytes:
    lines = []
    for row in ROWS:
        row = {**row, "apps": apps(row["apps"])}
        lines.append({k: v for k, v in row.items() if not (leave_out_missing and v in (None, []))})
    return "".join(json.dumps(line, ensure_ascii=i % 2 == 0) + "\r\n" for i, line in enumerate(lines)).encode()


def bags(row: Row) -> dict[str, list[tuple[str, Any]]]:
    """All columns but the label as (token, weight)."""
    return {
        "city": [] if row["city"] is None else [(row["city"], 1)],
        "device": [] if row["device"] is None else [(row["device"], 1)],
        "price": [] if row["price"] is None else [("price", row["price"])],
        "apps": row["apps"],
        "installed": [(token, 1) for token in row["installed"]],
    }


def libffm() -> bytes:
    lines = (
        [
            row["y"] if i % 2 else {0: -1, 1: "+1"}[row["y"]],
            *(f"{n}:{t}:{w}" for n, b in bags(row).items() for t, w in b),
        ]
        for i, row in enumerate(ROWS)
    )
    return "".join(" ".join(map(str, line)) + f"%ID_{i}\n" for i, line in enumerate(lines)).encode()


def vw() -> bytes:
    lines = []
    for i, row in enumerate(ROWS):
        spaces = [
            f"|{name} " + " ".join(f"{t}:{w}" if w != 1 else str(t) for t, w in b) for name, b in bags(row).items()
        ]
        lines.append(f"{-1 if row['y'] == 0 else 1} {1 + i % 2} 'tag_{i}{''.join(spaces)}\n")
    return "".join(lines).encode()


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


TEXT = {"text_bags": True}
PAIRS = {"number_as_pair": True, "label": "label"}
FILES: dict[str, tuple[bytes, dict[str, Any], dict[str, Any]]] = {  # name: contents, options of reading, of the schema
    "quoted.csv": (delimited(",", '"'), {}, TEXT),
    "rows.tsv": (delimited("\t"), {}, TEXT),
    "rows.tsv.gz": (gzip.compress(delimited("\t")), {}, TEXT),
    "rows.tsv.zst": (zstd(delimited("\t")), {}, TEXT),
    "article.txt": (delimited("\t", header=False), {"columns": NAMES}, TEXT),
    "bars.csv": (delimited("|"), {"delimiter": "|", "quote": False}, TEXT),
    "pairs.jsonl": (json_lines(lambda bag: bag), {}, {}),
    "absent.ndjson": (json_lines(lambda bag: bag, leave_out_missing=True), {}, {}),
    "structs.json": (json_lines(lambda bag: [{"token": t, "weight": w} for t, w in bag]), {}, {}),
    "packed.jsonl.gz": (gzip.compress(json_lines(lambda bag: bag)), {}, {}),
    "said.txt": (json_lines(lambda bag: bag), {"format": "jsonl"}, {}),
    "rows.ffm": (libffm(), {}, PAIRS),
    "rows.libffm.gz": (gzip.compress(libffm()), {}, PAIRS),
    "rows.vw": (vw(), {}, PAIRS),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Out of Parquet, checked against the rows themselves."""
    path = tmp_path_factory.mktemp("formats") / "rows.parquet"
    pq.write_table(arrow_table(), path, row_group_size=70)
    tokens, rows, labels = read(schema_of_kind(), path)
    assert labels == [row["y"] for row in ROWS]
    for row, encoded in zip(ROWS, rows, strict=True):
        for (name, bag), pairs in zip(bags(row).items(), encoded, strict=True):
            names = tokens["app" if name in ("apps", "installed") else name]
            wanted = [(str(token), float(np.float32(weight))) for token, weight in bag if weight != 0]
            assert [(names[i], weight) for i, weight in pairs] == wanted
    return tokens, rows, labels


def test_arrow_files(tmp_path: Path, expected: Any) -> None:
    feather.write_feather(arrow_table(), tmp_path / "rows.arrow", compression="uncompressed")
    assert read(schema_of_kind(), tmp_path / "rows.arrow") == expected


@pytest.mark.parametrize("name", FILES)
def test_text_files(tmp_path: Path, expected: Any, name: str) -> None:
    contents, options, kind = FILES[name]
    (tmp_path / name).write_bytes(contents)
    assert read(schema_of_kind(**kind), tmp_path / name, **options) == expected


@pytest.mark.parametrize("name", OBJECTS)
def test_objects(expected: Any, name: str) -> None:
    assert read(schema_of_kind(), OBJECTS[name]()) == expected


def test_sql_over_files(tmp_path: Path, expected: Any) -> None:
    pq.write_table(arrow_table(), tmp_path / "rows.parquet")
    sql = "SELECT * FROM 'rows.parquet'"
    assert read(schema_of_kind(), open_source(sql, folder=tmp_path)) == expected
    (tmp_path / "rows.tsv").write_bytes(delimited("\t"))
    sql = "SELECT * FROM read_csv('rows.tsv', delim = '\t', quote = '', header = true, all_varchar = true)"
    assert read(schema_of_kind(**TEXT), open_source(sql, folder=tmp_path)) == expected


CREATED = "CREATE TABLE rows (n INTEGER, y INTEGER, city TEXT, device {int}, price {real}, apps TEXT, installed TEXT)"
SELECTED = "SELECT * FROM rows ORDER BY n"


def sql_values(i: int, row: Row) -> list[Any]:
    texts = [cell(row[name]) or None for name in ("apps", "installed")]
    return [i, row["y"], row["city"], row["device"], row["price"], *texts]


def test_sqlite(tmp_path: Path, expected: Any) -> None:
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        connection.execute(CREATED.format(int="INTEGER", real="REAL"))
        connection.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", [sql_values(i, row) for i, row in enumerate(ROWS)]
        )
    connection.close()
    querying = Querying(database=f"sqlite:///{tmp_path / 'rows.db'}")
    assert read(schema_of_kind(**TEXT), open_source(SELECTED, querying=querying)) == expected


def test_postgresql(expected: Any) -> None:
    def quoted(value: Any) -> str:
        return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else repr(value)

    rows = ", ".join(f"({', '.join(map(quoted, sql_values(i, row)))})" for i, row in enumerate(ROWS))
    created = CREATED.format(int="BIGINT", real="DOUBLE PRECISION")
    with running_server([created, f"INSERT INTO rows VALUES {rows}"]) as server:
        querying = Querying(database=server.url())
        assert read(schema_of_kind(**TEXT), open_source(SELECTED, querying=querying)) == expected


def test_files_of_several_formats_are_one_source(tmp_path: Path, expected: Any) -> None:
    pq.write_table(arrow_table().slice(0, 100), tmp_path / "a.parquet")
    lines = json_lines(lambda bag: bag).splitlines(keepends=True)
    (tmp_path / "b.jsonl").write_bytes(b"".join(lines[100:]))
    assert read(schema_of_kind(), tmp_path) == expected


def test_libsvm_and_an_object_as_a_map_hold_one_bag(tmp_path: Path) -> None:
    """libsvm has one bag; in a JSON object a token comes once."""
    lists = [list(dict(row["apps"]).items()) for row in ROWS]
    labels = [row["y"] for row in ROWS]
    table = pa.table({"label": labels, "features": [[{"token": t, "weight": w} for t, w in bag] for bag in lists]})
    schema = Schema(label="label", fields=(Field("features"),))
    svm = "".join(
        f"{y or -1} {' '.join(f'{t}:{w}' for t, w in bag)} # row\n" for y, bag in zip(labels, lists, strict=True)
    )
    maps = [{"label": y, "features": dict(bag)} for y, bag in zip(labels, lists, strict=True)]
    (tmp_path / "rows.svm").write_text(svm)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in maps))
    expected = read(schema, table)
    assert max(len(row[0]) for row in expected[1]) > 2
    for data in (tmp_path / "rows.svm", tmp_path / "rows.jsonl", maps):
        assert read(schema, data) == expected
