"""SQL run by real databases: a SQLite file, and a PostgreSQL server that the tests start on loopback."""

from __future__ import annotations

import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from postgresql_server import PASSWORD, Server, running_server
from row_lists import rows_of, schema_of, tokens_of

from in_process import manyhot
from manyhot.data import Encoder, Rejects, Source, open_source
from manyhot.errors import ConfigError, DataError, ManyhotError
from manyhot.schema import Field, Querying


def source_of(text: str, database: str, folder: Path = Path()) -> Source:
    return open_source(text, folder=folder, querying=Querying(database=database))


def read(source: Source, columns: list[str]) -> list[dict[str, Any]]:
    return [row for batch in source.batches(columns, Rejects()) for row in batch.batch.to_pylist()]


def sentence(text: str, database: str, kind: type[ManyhotError] = DataError, folder: Path = Path()) -> str:
    start = time.monotonic()
    with pytest.raises(kind) as caught:
        Encoder.fit(schema_of(Field("city")), source_of(text, database, folder))
    assert time.monotonic() - start < 30
    told = str(caught.value)
    assert type(caught.value) is kind
    assert "\n" not in told
    assert PASSWORD not in told
    assert quote(PASSWORD, safe="") not in told
    return told


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server(TABLES) as running:
        yield running


TYPES = {
    "t_text": ("text", "'ü x'", "ü x"),
    "t_varchar": ("varchar(5)", "'v'", "v"),
    "t_small": ("smallint", "-3", -3),
    "t_int": ("int", "7", 7),
    "t_big": ("bigint", "9007199254740993", 9007199254740993),
    "t_real": ("real", "1.5", 1.5),
    "t_double": ("double precision", "0.1", 0.1),
    "t_bool": ("boolean", "true", True),
    "t_numeric": ("numeric(20, 2)", "1234567890123456.70", "1234567890123456.70"),
    "t_date": ("date", "'2020-01-02'", "2020-01-02"),
    "t_timestamp": ("timestamp", "'2020-01-02 03:04:05.5'", "2020-01-02 03:04:05.500000"),
    "t_tz": ("timestamptz", "'2020-01-02 03:04:05+02'", "2020-01-02 01:04:05+00:00"),
    "t_time": ("time", "'01:02:03'", "01:02:03"),
    "t_uuid": ("uuid", "'00000000-0000-0000-0000-00000000000a'", "00000000-0000-0000-0000-00000000000a"),
    "t_json": ("jsonb", """'{"a":1}'""", '{"a": 1}'),
    "t_texts": ("text[]", "ARRAY['p', 'q']", ["p", "q"]),
    "t_ints": ("int[]", "ARRAY[1, 2]", [1, 2]),
    "t_numerics": ("numeric[]", "ARRAY[1.50, 2]", ["1.50", "2"]),
}
TABLES = [
    "CREATE SEQUENCE numbers",
    f"CREATE TABLE types ({', '.join(f'{name} {kind}' for name, (kind, _, _) in TYPES.items())}, y int)",
    f"INSERT INTO types VALUES ({', '.join(value for _, value, _ in TYPES.values())}, 1)",
    "INSERT INTO types (y) VALUES (0)",
    'CREATE TABLE clicks (city text, apps text[], weights float8[], "Quoted ""name" int, y boolean)',
    "INSERT INTO clicks SELECT 'c' || i % 7, ARRAY['a' || i % 3, 'b'], ARRAY[0.5, i % 4], i, i % 2 = 0 "
    "FROM generate_series(0, 149999) AS i",
]


def test_types_of_postgresql(server: Server) -> None:
    source = source_of("SELECT * FROM types", server.url())
    assert source.columns() == [*TYPES, "y"]
    row, nulls = read(source, list(TYPES))
    shown = {name: v if isinstance(v, int | float | list | str) else str(v) for name, v in row.items()}
    assert shown == {name: expected for name, (_, _, expected) in TYPES.items()}
    assert set(nulls.values()) == {None}


@pytest.mark.parametrize("column", [name for name in TYPES if name not in ("t_real", "t_double")])
def test_every_type_of_postgresql_makes_a_field(server: Server, column: str) -> None:
    source = source_of(f"SELECT {column}, y FROM types", server.url())
    encoder = Encoder.fit(schema_of(Field(column)), source)
    bags = [row[0] for row in rows_of(encoder.encode(source, with_labels=True), 1)]
    assert len(bags[0]) == (2 if isinstance(TYPES[column][2], list) else 1)
    assert bags[1] == []


def test_numbers_of_postgresql_are_numbers(server: Server) -> None:
    fields = [Field(name, numeric=[]) for name in ("t_int", "t_double", "t_numeric")]
    source = source_of("SELECT t_int, t_double, t_numeric / 1e15 AS t_numeric, y FROM types", server.url())
    row = rows_of(Encoder.fit(schema_of(*fields), source).encode(source, with_labels=True), 3)[0]
    assert [bag[0][1] for bag in row] == pytest.approx([7, 0.1, 1.2345678901234567])


def test_postgresql_gives_the_rows_of_its_definition(server: Server) -> None:
    """In pieces, in the query's order, twice the same, encoded as the same rows of a frame."""
    text = 'SELECT city, apps, weights, "Quoted ""name" AS i, y FROM clicks ORDER BY i DESC -- the last first'
    source = source_of(text, server.url())
    table = pa.table(
        {
            "city": [f"c{i % 7}" for i in reversed(range(150_000))],
            "apps": [[f"a{i % 3}", "b"] for i in reversed(range(150_000))],
            "weights": [[0.5, float(i % 4)] for i in reversed(range(150_000))],
            "y": [i % 2 == 0 for i in reversed(range(150_000))],
        }
    )
    schema = schema_of(Field("city"), Field("apps", weights="weights"))
    encoders = [Encoder.fit(schema, s) for s in (source, open_source(table))]
    assert encoders[0].fingerprint() == encoders[1].fingerprint()
    rows = [rows_of(encoders[0].encode(s, with_labels=True), 2) for s in (source, open_source(table))]
    assert rows[0] == rows[1]
    batches = list(source.batches(["i"], Rejects()))
    assert len(batches) > 1
    assert max(batch.batch.num_rows for batch in batches) <= 65_536
    assert [batch.first_row for batch in batches][1] == batches[0].batch.num_rows


def test_odd_names_and_semicolons(server: Server) -> None:
    source = source_of(
        'WITH c AS (SELECT * FROM clicks) SELECT "Quoted ""name" FROM c ORDER BY 1 LIMIT 2;\n', server.url()
    )
    assert source.columns() == ['Quoted "name']
    assert read(source, ['Quoted "name']) == [{'Quoted "name': 0}, {'Quoted "name': 1}]


def test_an_abandoned_pass_closes_the_connection(server: Server) -> None:
    batches = source_of("SELECT g FROM generate_series(1, 3000000) AS g", server.url()).batches(["g"], Rejects())
    assert next(batches).batch.num_rows == 65_536
    batches.close()
    count = "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%(1, 3' || '000000)%'"
    deadline = time.monotonic() + 20
    while read(source_of(count, server.url()), ["n"]) != [{"n": 0}]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT city FROM clicks", 'column "y" is missing'),
        ("SELECT town AS city, y FROM clicks", 'column "town" does not exist'),
        ("SELECT city, y FROM click", 'relation "click" does not exist'),
        ("SELECT city y FROM FROM clicks", 'syntax error at or near "FROM"'),
        ("SELECT city, 1 / ('x' || length(city))::int AS y FROM clicks", "invalid input syntax for type integer"),
        ("SELECT city, y FROM clicks; DROP TABLE clicks", "syntax error"),
    ],
)
def test_errors_of_postgresql(server: Server, text: str, told: str) -> None:
    message = sentence(text, server.url())
    assert told in message
    assert f"in postgresql://clicker@127.0.0.1:{server.port}/postgres: " in message


def test_postgresql_is_only_read(server: Server) -> None:
    sentence("WITH gone AS (DELETE FROM clicks RETURNING *) SELECT * FROM gone", server.url())
    assert "read-only" in sentence("SELECT nextval('numbers') AS city, 1 AS y", server.url())
    assert read(source_of("SELECT count(*) AS n FROM clicks", server.url()), ["n"]) == [{"n": 150_000}]


def test_connections_that_fail(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "SELECT city, y FROM clicks"
    assert 'password authentication failed for user "clicker"' in sentence(text, server.url("wrong"))
    assert 'database "nodb" does not exist' in sentence(text, server.url(database="nodb"))
    assert "***" in sentence(text, server.url(PASSWORD.replace("/", "").replace("@", "")))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert "Connection refused" in sentence(text, f"postgresql://clicker@127.0.0.1:{port}/x")
    monkeypatch.delenv("MANYHOT_TEST_PASSWORD")
    assert "environment variable MANYHOT_TEST_PASSWORD is not set" in sentence(text, server.url(), ConfigError)


EXPERIMENT = """
[data]
database = "{database}"
train = "SELECT city, apps, weights, y FROM clicks WHERE i % 5 > 0 ORDER BY i LIMIT 3000"
valid = "SELECT city, apps, weights, y FROM clicks WHERE i % 5 = 0 ORDER BY i LIMIT 1000"
label = "y"
[fields.city]
{apps}
[model]
name = "fm"
embedding_dim = 2
[training]
epochs = 1
"""


def test_train_from_postgresql(server: Server, tmp_path: Path) -> None:
    """No password reaches the model file or what is printed, and nothing of the rows is left in the cache."""
    apps = '[fields.apps]\nweights = "weights"'
    text = EXPERIMENT.format(database=server.url(), apps=apps).replace("FROM clicks", "FROM numbered")
    text = text.replace(
        "SELECT city", 'WITH numbered AS (SELECT *, \\"Quoted \\"\\"name\\" AS i FROM clicks) SELECT city'
    )
    (tmp_path / "pg.toml").write_text(text)
    done = manyhot("train", "pg.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "train encoded: 3,000 examples" in done.stderr
    assert [p.name for p in (tmp_path / ".manyhot_cache").iterdir()] == [".gitignore"]
    for path in (tmp_path / "runs").rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert not any(word in raw for word in (b"s3cr3t", b"MANYHOT_TEST_PASSWORD", b"postgresql"))
    assert "s3cr3t" not in done.stdout + done.stderr


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    """A SQLite file whose columns change their types on the way."""
    with sqlite3.connect(tmp_path / "clicks.db") as connection:
        connection.execute("CREATE TABLE clicks (i, city, late, mixed NUMERIC, raw BLOB, void, y BOOLEAN)")
        connection.executemany("INSERT INTO clicks VALUES (?, ?, ?, ?, ?, ?, ?)", SQLITE_ROWS)
    connection.close()
    return tmp_path


SQLITE_ROWS = [
    (i, f"c{i % 7}", None if i < 70_000 else f"t{i % 3}", i if i < 69_000 else i + 0.5, b"\xff\x00", None, i % 2)
    for i in range(71_000)
]


def test_sqlite_gives_its_rows_though_types_change(clicks: Path) -> None:
    source = source_of("SELECT * FROM clicks ORDER BY i DESC", "sqlite:///clicks.db", clicks)
    columns = ["i", "city", "late", "mixed", "raw", "void", "y"]
    assert source.columns() == columns
    for _ in range(2):
        rows = read(source, columns)
        assert [tuple(row.values()) for row in rows] == SQLITE_ROWS[::-1]
    assert isinstance(rows[-1]["mixed"], float)
    assert [b.first_row for b in source.batches(["i"], Rejects())][:2] == [0, 65_535]
    assert read(source_of("SELECT i FROM clicks WHERE i < 0", "sqlite:///clicks.db", clicks), ["i"]) == []


def test_a_sqlite_column_of_text_and_numbers_is_text(clicks: Path) -> None:
    text = "SELECT column1 AS a FROM (VALUES (1), (2.5), ('x'), (NULL))"
    rows = read(source_of(text, f"sqlite:///{clicks}/clicks.db"), ["a"])
    assert [row["a"] for row in rows] == ["1", "2.5", "x", None]


def test_sqlite_ids_are_those_of_a_frame(clicks: Path) -> None:
    source = source_of("SELECT * FROM clicks", "sqlite:///clicks.db", clicks)
    names = ["i", "city", "late", "mixed", "raw", "void", "y"]
    frame = pa.table({name: [row[k] for row in SQLITE_ROWS] for k, name in enumerate(names)})
    schema = schema_of(Field("city"), Field("late"), Field("mixed", numeric=["minmax"]))
    encoders = [Encoder.fit(schema, s) for s in (source, open_source(frame))]
    assert encoders[0].fingerprint() == encoders[1].fingerprint()
    assert tokens_of(encoders[0], "late")[1:] == ["t2", "t0", "t1"] or len(tokens_of(encoders[0], "late")) == 4


def test_sqlite_is_only_read(clicks: Path) -> None:
    before = (clicks / "clicks.db").read_bytes()
    sentence("WITH x AS (SELECT 1) DELETE FROM clicks", "sqlite:///clicks.db", folder=clicks)
    sentence("SELECT 1 AS city) ; DELETE FROM clicks; --", "sqlite:///clicks.db", folder=clicks)
    assert (clicks / "clicks.db").read_bytes() == before
    assert [p.name for p in clicks.iterdir()] == ["clicks.db"]


@pytest.mark.parametrize(
    ("text", "database", "told"),
    [
        ("SELECT city FROM clicks", "sqlite:///clicks.db", 'column "y" is missing'),
        ("SELECT town AS city, y FROM clicks", "sqlite:///clicks.db", "no such column: town"),
        ("SELECT city, y FROM click", "sqlite:///clicks.db", "no such table: click"),
        ("SELECT city, y FROM FROM clicks", "sqlite:///clicks.db", 'near "FROM": syntax error'),
        ("SELECT city, y FROM clicks", "sqlite:///none.db", "none.db: there is no such file"),
        ("SELECT city, y FROM clicks", "sqlite:///notes.txt", "file is not a database"),
    ],
)
def test_errors_of_sqlite(clicks: Path, text: str, database: str, told: str) -> None:
    (clicks / "notes.txt").write_text("no database" * 1000)
    assert told in sentence(text, database, folder=clicks)


@pytest.mark.parametrize(
    ("text", "database", "told"),
    [
        ("SELECT 1 AS y", "sqlite://clicks.db", "sqlite:///clicks.db"),
        ("SELECT 1 AS y", "sqlite:///", "sqlite:///clicks.db"),
        ("SELECT 1 AS y", "postgre://u@h/x", 'no driver is known for "postgre://"; did you mean "postgres"?'),
        ("SELECT 1 AS y", "mysql://u@h/x", 'no driver is known for "mysql://"'),
        ("SELECT 1 AS y", "clicks.db", "database must be a URL"),
        ("clicks/*.parquet", "sqlite:///clicks.db", "is no SELECT"),
        ("DROP TABLE clicks", "sqlite:///clicks.db", "is no SELECT"),
    ],
)
def test_wrong_databases(clicks: Path, text: str, database: str, told: str) -> None:
    assert told in sentence(text, database, ConfigError, clicks)


@pytest.mark.parametrize("url", ["sqlite:///clicks.db", "postgresql://u@h/x"])
def test_a_missing_driver_names_the_extra(clicks: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = f"adbc_driver_{url.partition(':')[0]}"
    monkeypatch.setitem(sys.modules, f"{package}.dbapi", None)
    told = sentence("SELECT 1 AS y", url, ConfigError, clicks)
    assert package in told
    assert 'pip install "manyhot[sql]"' in told


def test_train_from_sqlite(clicks: Path) -> None:
    (clicks / "deep").mkdir()
    text = EXPERIMENT.format(database="sqlite:///../clicks.db", apps="[fields.late]").replace("apps, weights", "late")
    (clicks / "deep/lite.toml").write_text(text)
    done = manyhot("train", "deep/lite.toml", cwd=clicks)
    assert done.returncode == 0, done.stderr
    assert "valid encoded: 1,000 examples" in done.stderr
    pq.write_table(pa.table({"city": ["c1", "c2"], "late": [None, "t1"]}), clicks / "rows.parquet")
    scored = manyhot("score", "runs/lite/model.manyhot", "rows.parquet", "--out", "p.parquet", cwd=clicks)
    assert scored.returncode == 0, scored.stderr
    assert pq.read_table(clicks / "p.parquet").num_rows == 2
