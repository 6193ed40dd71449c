"""SQL over files: the rows of a query are those of its plain-Python definition, streamed and within limits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from row_lists import rows_of, schema_of, tokens_of

from in_process import manyhot
from manyhot import load
from manyhot.data import Encoder, ExampleCache, Rejects, Source, open_source
from manyhot.errors import ConfigError, DataError, ManyhotError
from manyhot.schema import Field, Querying, Separators, Vocabulary

CLICKS = [{"user_id": i * 7 % 13, "apps": f"a{i % 5}:0.5,a{i % 3}:2", "y": i % 2} for i in range(2000)]
USERS = [{"user_id": i, "city": f"city{i % 4}"} for i in range(11)]  # two users are unknown
JOIN = "SELECT apps, city, y FROM 'clicks/*.parquet' JOIN 'users.csv' USING (user_id)"
SCHEMA = schema_of(Field("apps", separators=Separators(pair=",", weight=":")), Field("city"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "it's [here]*, or so"
    (path / "clicks").mkdir(parents=True)
    for part in range(2):
        pq.write_table(pa.Table.from_pylist(CLICKS[part::2]), path / f"clicks/part{part}.parquet")
    pacsv.write_csv(pa.Table.from_pylist(USERS), path / "users.csv")
    return path


def read(source: Source, columns: list[str]) -> list[dict[str, Any]]:
    return [row for batch in source.batches(columns, Rejects()) for row in batch.batch.to_pylist()]


def as_set(rows: list[dict[str, Any]]) -> Counter[str]:
    """Without their order."""
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in rows)


def joined() -> list[dict[str, Any]]:
    """The definition of JOIN."""
    city = {user["user_id"]: user["city"] for user in USERS}
    return [{"apps": c["apps"], "city": city[c["user_id"]], "y": c["y"]} for c in CLICKS if c["user_id"] in city]


def test_a_join_is_its_definition_and_twice_the_same(folder: Path) -> None:
    source = open_source(JOIN, folder=folder)
    assert source.columns() == ["apps", "city", "y"]
    first, second = (as_set(read(source, ["y", "city", "apps"])) for _ in range(2))
    assert first == second == as_set(joined())
    assert read(source, ["y"])[0].keys() == {"y"}


def test_fitted_and_encoded_as_the_same_rows_of_a_frame(folder: Path) -> None:
    query, frame = open_source(JOIN, folder=folder), open_source(pa.Table.from_pylist(joined()))
    encoders = [Encoder.fit(SCHEMA, source) for source in (query, frame)]
    assert encoders[0].fingerprint() == encoders[1].fingerprint()
    assert tokens_of(encoders[0], "city")[1:] != []
    encoded = [rows_of(encoders[0].encode(source, with_labels=True), 2) for source in (query, frame)]
    assert sorted(encoded[0]) == sorted(encoded[1])


@pytest.mark.parametrize(
    "text",
    [
        "select 1 as y",
        "  \n-- a comment\n/* and\nanother */ SELECT 1 AS y;  ",
        "FROM (VALUES (1)) t(y)",
        "with t as (select 1 as y) from t -- end",
        "WITH t(y) AS (SELECT 1), u AS (FROM t) SELECT * FROM u;\n-- end\n",
        "SELECT/**/ 1 AS y",
        "FROM(SELECT 1 AS y)",
        "SELECT 1 AS y, ';' AS z, '--' AS \"q\"\"uote\"",
    ],
)
def test_what_is_sql(text: str) -> None:
    assert read(open_source(text), ["y"]) == [{"y": 1}]
    assert read(open_source([text]), ["y"]) == [{"y": 1}]


@pytest.mark.parametrize(
    "name", ["select.parquet", "from/rows.parquet", "with-more.parquet", "selected.parquet", "FROM here.parquet"]
)
def test_what_is_a_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"y": [5]}), path)
    for data in (name, path):
        assert read(open_source(data, folder=tmp_path), ["y"]) == [{"y": 5}]


@pytest.mark.parametrize(
    "query",
    [
        "FROM 'rows.parquet'",
        'FROM "rows.parquet" AS r',
        "FROM rows.parquet",
        "FROM read_parquet('rows.parquet')",
        "FROM read_parquet(['rows.parquet'], filename = false)",
        "SELECT 'ü' AS u, * FROM 'ro*.parquet' AS r",
        "SELECT * FROM 'rows.parquet', glob('ro*') WHERE file LIKE '%experiment%' = (w <> 'elsewhere')",
        "SELECT * FROM (FROM 'rows.parquet') WHERE w IN (SELECT w FROM 'rows.parquet')",
        "WITH w AS (FROM 'rows.parquet') FROM w",
        "FROM 'deep/../rows.parquet'",
    ],
)
def test_relative_files_count_from_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    """And not from the working directory, where others may have the same name."""
    for name in ("experiment ü", "elsewhere"):
        (tmp_path / name / "deep").mkdir(parents=True)
        pq.write_table(pa.table({"w": [name]}), tmp_path / name / "rows.parquet")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read(open_source(query, folder=tmp_path / "experiment ü"), ["w"]) == [{"w": "experiment ü"}]
    assert read(open_source(query), ["w"]) == [{"w": "elsewhere"}]


def sentence(query: str, kind: type[ManyhotError], folder: Path = Path(), **querying: Any) -> str:
    with pytest.raises(kind) as caught:
        Encoder.fit(schema_of(Field("city")), open_source(query, folder=folder, querying=Querying(**querying)))
    text = str(caught.value)
    assert "\n" not in text
    assert type(caught.value) is kind
    return text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 1; SELECT 2", "is not one SELECT"),
        ("WITH x AS (SELECT 1) INSERT INTO t FROM x", "is not one SELECT"),
        ("FROM 'a.csv'; DROP TABLE t", "is not one SELECT"),
        ("SELECT 1; COPY (SELECT 1) TO 'written.csv'", "is not one SELECT"),
        ("SELECT city FROM WHERE", 'syntax error at or near "WHERE"'),
        ("SELECT ? AS city", "has parameters"),
        ("FROM (PIVOT 'users.csv' ON city USING count(user_id))", "PIVOT has to list its values"),
        ("SELECT * FROM read_csv('users' || '.csv')", "computes the names of its files"),
    ],
)
def test_only_a_select_is_run(tmp_path: Path, query: str, told: str) -> None:
    assert told in sentence(query, ConfigError, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT city FROM 'none.parquet'", 'No files found that match the pattern "'),
        ("SELECT town AS city FROM 'users.csv'", 'Referenced column "town" not found'),
        ("SELECT city FROM users", "Table with name users does not exist"),
        ("SELECT city, CAST(city AS INT) AS y FROM 'users.csv'", "Could not convert string 'city0' to INT32"),
        ("SELECT city FROM 'users.csv'", 'column "y" is missing'),
        ("SELECT city, 1 AS y, 2 AS y FROM 'users.csv'", 'column "y" occurs twice'),
        ("SELECT city, 1 AS Y FROM 'users.csv'", 'column "y" is missing'),
        ("SELECT city, 1 AS y FROM 's3://bucket/x.parquet'", "nothing is installed at run time"),
        ("SELECT city, 1 AS y FROM sentence", "Table with name sentence does not exist"),
    ],
)
def test_errors_are_one_sentence(folder: Path, query: str, told: str) -> None:
    text = sentence(query, DataError, folder)
    assert told in text
    assert text.startswith("the query “SELECT ")


def test_a_query_in_a_list_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="a query stands alone"):
        open_source([JOIN, "users.csv"], folder=folder)


def test_an_error_in_the_midst_of_the_rows() -> None:
    query = "SELECT CASE WHEN i = 150000 THEN error('bang') ELSE 'x' END AS city, 1 AS y FROM range(200000) t(i)"
    assert sentence(query, DataError).endswith(": bang")


@pytest.mark.parametrize("limit", ["lots", "1", "-1GB", "10%", "1 G", ""])
def test_wrong_amounts_of_memory(limit: str) -> None:
    with pytest.raises(ConfigError, match="memory_limit"):
        Querying(memory_limit=limit)


def test_a_folder_to_spill_to_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "temp_directory" in sentence("SELECT 1 AS city", ConfigError, tmp_path, temp_directory="file/x")


SORT = "SELECT md5(i::VARCHAR) AS city, i % 2 AS y FROM range(1500000) t(i) ORDER BY city"


def test_what_does_not_fit_is_spilled(tmp_path: Path) -> None:
    querying = Querying(memory_limit="60MB", temp_directory="spill", threads=2)
    source = open_source(SORT, folder=tmp_path, querying=querying)
    batches = source.batches(["city"], Rejects())
    first = next(batches)
    assert [p.name for p in (tmp_path / "spill").rglob("*") if p.is_file()] != []
    assert first.batch["city"].to_pylist() == sorted(first.batch["city"].to_pylist())
    assert first.batch.num_rows + sum(batch.batch.num_rows for batch in batches) == 1_500_000
    assert list((tmp_path / "spill").iterdir()) == []


def test_an_abandoned_pass_leaves_nothing(tmp_path: Path) -> None:
    querying = Querying(memory_limit="60MB", temp_directory="spill", threads=2)
    start = time.monotonic()
    batches = open_source("SELECT i FROM range(100000000000) t(i)", folder=tmp_path, querying=querying).batches(
        ["i"], Rejects()
    )
    assert next(batches).batch.num_rows <= 65_536
    batches.close()
    assert time.monotonic() - start < 30
    assert list((tmp_path / "spill").iterdir()) == []


def test_too_little_memory_is_said() -> None:
    text = sentence("SELECT list(i) AS city, 1 AS y FROM range(30000000) t(i)", DataError, memory_limit="50MB")
    assert "raise memory_limit" in text


_STREAM = """
import resource, sys
from manyhot.data import Rejects, open_source
from manyhot.schema import Querying
source = open_source(sys.argv[1], querying=Querying(memory_limit="200MB", threads=2))
next(source.batches(["a"], Rejects()))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = size = 0
for batch in source.batches(["a", "b"], Rejects()):
    rows, size = rows + batch.batch.num_rows, size + batch.batch.nbytes
print(rows, size >> 20, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before >> 10)
"""


def test_rows_are_streamed() -> None:
    """500 MB of rows pass through a process that grows by less than 150 MB."""
    query = "SELECT i AS a, repeat('x', 100) || i AS b FROM range(4500000) t(i)"
    done = subprocess.run([sys.executable, "-c", _STREAM, query], capture_output=True, text=True, check=True)
    rows, size, grown = map(int, done.stdout.split())
    assert rows == 4_500_000
    assert size > 480
    assert grown < 150


# Fingerprints: the same as long as the rows are the same; none where nobody can tell.
KNOWN = [
    JOIN,
    "FROM 'users.csv'",
    "SELECT lower(city) AS c, count(*) AS n FROM read_csv('users.csv', header = true) GROUP BY ALL",
    "SELECT * FROM read_parquet(['clicks/part0.parquet', 'clicks/part1.parquet']), range(3)",
    "WITH u AS (FROM 'users.csv') SELECT *, row_number() OVER (ORDER BY user_id) FROM u",
    "SELECT * FROM 'users.csv' WHERE user_id IN (SELECT user_id FROM 'clicks/*.parquet')",
]
UNKNOWN = [
    "SELECT *, random() AS r FROM 'users.csv'",
    "SELECT *, now() AS t FROM 'users.csv'",
    "SELECT *, current_date AS t FROM 'users.csv'",
    "SELECT *, age(TIMESTAMP '2020-01-01') AS t FROM 'users.csv'",
    "SELECT * FROM 'users.csv' USING SAMPLE 3",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM glob('*.csv')",
    "SELECT uuid() AS u FROM 'users.csv'",
]


@pytest.mark.parametrize("query", KNOWN)
def test_a_fingerprint_changes_with_any_file_and_with_the_query(folder: Path, query: str) -> None:
    first = open_source(query, folder=folder).fingerprint()
    assert first is not None
    assert open_source(query, folder=folder).fingerprint() == first
    assert open_source(query + " LIMIT 5", folder=folder).fingerprint() not in (first, None)
    others = set()
    read_by = [folder / "users.csv"] if "users" in query else []
    read_by += list((folder / "clicks").iterdir()) if "clicks" in query else []
    for path in read_by:
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
        others.add(open_source(query, folder=folder).fingerprint())
        assert first not in others
    assert len(others) == len(read_by) > 0


@pytest.mark.parametrize("query", UNKNOWN)
def test_no_fingerprint_where_nobody_can_tell(folder: Path, query: str) -> None:
    source = open_source(query, folder=folder)
    assert source.columns()
    assert source.fingerprint() is None


def test_a_new_file_of_a_pattern_changes_the_fingerprint(folder: Path) -> None:
    first = open_source(JOIN, folder=folder).fingerprint()
    pq.write_table(pa.Table.from_pylist(CLICKS[:5]), folder / "clicks/part2.parquet")
    assert open_source(JOIN, folder=folder).fingerprint() != first


def test_what_has_no_fingerprint_lies_in_a_nameless_file(tmp_path: Path) -> None:
    query = "SELECT 'c' || i % 7 AS city, i % 2 AS y, random() AS r FROM range(200000) t(i)"
    schema = schema_of(Field("city", Vocabulary("v")))
    store, source = ExampleCache(tmp_path / "cache"), open_source(query)
    encoder, _ = store.fit(schema, source)
    examples, was_there = store.encode(encoder, source)
    assert (examples.num_rows, was_there) == (200_000, False)
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [".gitignore"]
    in_memory = ExampleCache(None).encode(encoder, source)[0]
    assert rows_of(examples.chunks, 1) == rows_of(in_memory.chunks, 1)
    assert not any(chunk.ids.flags.owndata for chunk in examples.chunks)
    maps = Path("/proc/self/maps").read_text()
    assert re.search(re.escape(str(tmp_path / "cache")) + r".*\(deleted\)", maps)
    del examples


EXPERIMENT = """
[data]
train = '''
-- users without a city are left out
SELECT apps, city, y AS clicked
FROM 'clicks/*.parquet' JOIN 'users.csv' USING (user_id)
WHERE user_id <> 3
'''
valid = "FROM 'clicks/*.parquet' JOIN 'users.csv' USING (user_id) SELECT apps, city, y AS clicked WHERE user_id = 3"
label = "clicked"
memory_limit = "300MB"
temp_directory = "spill"
[fields.apps]
separators = { pair = ",", weight = ":" }
[fields.city]
[model]
name = "fm"
embedding_dim = 2
[training]
epochs = 1
threads = 1
"""


def test_train_and_score_by_sql(folder: Path, tmp_path: Path) -> None:
    """From another folder than the experiment's; a second run reuses what was encoded."""
    (folder / "sql.toml").write_text(EXPERIMENT)
    (tmp_path / "here").mkdir()
    for told in ("encoded", "reused"):
        done = manyhot("train", folder / "sql.toml", cwd=tmp_path / "here")
        assert done.returncode == 0, done.stderr
        assert f"train {told}: {sum(c['user_id'] not in (3, 11, 12) for c in CLICKS):,} examples" in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["clicks", "spill", "sql.toml", "users.csv"]
    assert list((folder / "spill").iterdir()) == []
    query = "SELECT * FROM 'clicks/*.parquet' JOIN 'users.csv' USING (user_id) ORDER BY ALL"
    model = tmp_path / "here/runs/sql/model.manyhot"
    done = manyhot("score", model, query, "--out", tmp_path / "p.parquet", cwd=folder)
    assert done.returncode == 0, done.stderr
    expected = load(model).score(pa.Table.from_pylist(sorted(joined_with_user(), key=lambda r: tuple(r.values()))))
    assert pq.read_table(tmp_path / "p.parquet").column(0).to_pylist() == pytest.approx(expected.tolist(), abs=1e-6)


def joined_with_user() -> list[dict[str, Any]]:
    city = {user["user_id"]: user["city"] for user in USERS}
    return [{**c, "city": city[c["user_id"]]} for c in CLICKS if c["user_id"] in city]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("memory_limit", '"lots"', 'memory_limit = "lots"'),
        ("train", "\"SELECT nocol AS apps, 'c' AS city, 1 AS clicked FROM 'users.csv'\"", '"nocol" not found'),
        ("train", "\"FROM 'users.csv'; DROP TABLE x\"", "is not one SELECT"),
        ("memory_limt", '"1GB"', 'did you mean "memory_limit"?'),
    ],
)
def test_wrong_experiments_are_one_sentence(folder: Path, key: str, value: str, told: str) -> None:
    (folder / "sql.toml").write_text(EXPERIMENT)
    done = manyhot("train", "sql.toml", "--set", f"data.{key}={value}", cwd=folder)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert [p for p in (folder / "runs").rglob("*") if p.is_file()] == []
