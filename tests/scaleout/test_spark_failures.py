"""What goes wrong in Spark: bad rows are counted and named, repeated tasks leave one file, nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from same_rows import rows_as_bytes

from conftest import PANDAS
from manyhot.data import Encoder, Examples, Prepared, open_source
from manyhot.errors import BadRowsError, ConfigError, DataError
from manyhot.schema import GBDT, Field, Reading, Schema, Separators, load_experiment

pytestmark = pytest.mark.filterwarnings(f"ignore:{PANDAS}:FutureWarning")
SCHEMA = Schema(label="y", fields=(Field("city"), Field("apps", separators=Separators(weight=":"))))
TABLE = pa.table({"city": [f"c{i % 7}" for i in range(60)], "apps": ["x:1,y:2"] * 60, "y": [i % 2 for i in range(60)]})


def bad_at(*rows: int) -> pa.Table:
    labels = TABLE["y"].to_pylist()
    for row in rows:
        labels[row] = 7
    return TABLE.set_column(2, "y", pa.array(labels))


def partitions(spark: Any, table: pa.Table, count: int) -> Any:
    """A DataFrame of so many partitions with the rows in their order."""
    rows = [tuple(row.values()) for row in table.to_pylist()]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, count), "city string, apps string, y long")


def test_bad_rows_of_all_partitions_are_counted_and_the_first_are_named(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import encode, fit

    frame = partitions(spark, bad_at(*range(3, 60, 3)), 3)
    encoder = Encoder.fit(SCHEMA, open_source(TABLE))
    for task in (
        lambda: fit(frame, SCHEMA, name="train"),
        lambda: encode(frame, encoder, tmp_path / "x", name="train"),
    ):
        with pytest.raises(BadRowsError) as caught:
            task()
        first, *lines = str(caught.value).splitlines()
        assert first.startswith("19 of 60 rows are bad (41 are good)")
        places = [(row // 20, row % 20 + 1) for row in range(3, 33, 3)]
        why = 'column "y" (the label) is neither 0 nor 1'
        assert lines[:-1] == [f"  train, partition {part}, row {row}: {why}" for part, row in places]
        assert lines[-1] == "  ... and 9 more"
        assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_one_sentence(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import encode, fit, prepare

    frame = partitions(spark, TABLE, 2)
    with pytest.raises(DataError, match=r'the DataFrame: column "city" is missing; did you mean "cities"\?'):
        fit(frame.withColumnRenamed("city", "cities"), SCHEMA)
    lists = Schema(label="y", fields=(Field("city", numeric=[]), Field("apps", separators=Separators(weight=":"))))
    with pytest.raises(DataError, match=r'column "city" is not a number: .c0'):
        fit(frame, lists)
    with pytest.raises(DataError, match='column "y" is int64, which needs no separators'):
        fit(frame, Schema(label="city", fields=(Field("y", separators=Separators()),)))
    encoder = Encoder.fit(SCHEMA, open_source(TABLE))
    with pytest.raises(DataError, match="valid holds no rows"):
        prepare(SCHEMA, tmp_path / "out", train=frame, valid=frame.where("y > 1"))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="below: cannot write Examples"):
        encode(frame, encoder, tmp_path / "file" / "below")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_task_that_fails_half_way_and_is_repeated_leaves_one_file(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import encode

    mark = tmp_path / "failed"

    def fail_once(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        for number, batch in enumerate(batches):
            if number == 2 and TaskContext.get().partitionId() == 1 and not mark.exists():
                mark.write_text("")
                raise RuntimeError("the machine is gone")
            yield batch

    encoder = Encoder.fit(SCHEMA, open_source(TABLE))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "5")
    try:
        frame = partitions(spark, TABLE, 3)
        frame = frame.mapInArrow(fail_once, frame.schema)
        found = encode(frame, encoder, tmp_path / "shards")
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert mark.exists()
    expected = Examples(encoder.encode(open_source(TABLE), with_labels=True), 2)
    assert rows_as_bytes(found) == rows_as_bytes(expected)
    assert sorted(p.name for p in (tmp_path / "shards").iterdir()) == [f"part-0000{i}.arrow" for i in range(3)]


def test_bad_rows_of_files_are_named_with_their_file(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import encode

    for name, bad in (("a", (7,)), ("b", ()), ("c", (0, 59))):
        pq.write_table(bad_at(*bad), tmp_path / f"{name}.parquet", row_group_size=25)
    frame = spark.read.parquet(*(str(tmp_path / f"{name}.parquet") for name in "abc"))
    encoder = Encoder.fit(SCHEMA, open_source(TABLE))
    with pytest.raises(BadRowsError, match="3 of 180 rows are bad") as caught:
        encode(frame, encoder, tmp_path / "shards", name="valid")
    files = [line.rpartition("(in file://")[2] for line in str(caught.value).splitlines()[1:]]
    assert sorted(files) == [f"{tmp_path}/{name}.parquet)" for name in "acc"]
    with pytest.raises(BadRowsError) as caught:
        encode(frame.join(frame.select("city").distinct(), "city"), encoder, tmp_path / "shards")
    assert "(in " not in str(caught.value)


CSV = """y,city,apps
1,"a, b","x:1,y:2"
0,c,
1,"say ""hi""
there",z:1
"""


def test_csv_is_read_as_the_embedded_engine_reads_it(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import fit
    from manyhot.scaleout.spark._files import read_files

    (tmp_path / "rows[1].csv").write_text(CSV)
    (tmp_path / "more.csv").write_text("y,city,apps\n\n0,  c ,x:3\n1,#c,\\\n".replace("\\", "w:1"))
    expected = Encoder.fit(SCHEMA, open_source(["rows[1].csv", "more.csv"], folder=tmp_path))
    frame = read_files(spark, ("rows[1].csv", "more.csv"), tmp_path, Reading())
    assert fit(frame, SCHEMA).fingerprint() == expected.fingerprint()


def test_json_lines_are_rows_with_lists(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import fit
    from manyhot.scaleout.spark._files import read_files

    schema = Schema(label="y", fields=(Field("apps", weights="days"), Field("age", numeric=["standardize"])))
    lines = ['{"y":1,"apps":["a","b"],"days":[1,0.5],"age":3}', '{"y":0,"age":0.1}', '{"apps":[],"days":[],"y":true}']
    expected = {"apps": [["a", "b"], None, []], "days": [[1, 0.5], None, []], "age": [3, 0.1, None], "y": [1, 0, 1]}
    path = tmp_path / "rows.json"
    path.write_text("\n".join(lines[:2]) + "\n" + lines[2].replace("true", "1") + "\n")
    frame = read_files(spark, "rows.json", tmp_path, Reading(format="jsonl"))
    assert fit(frame, schema).fingerprint() == Encoder.fit(schema, open_source(expected)).fingerprint()
    path.write_text("\n".join(lines[:2]) + '\n{"y":1,\n')
    frame = read_files(spark, "rows.json", tmp_path, Reading(format="jsonl"))
    with pytest.raises(BadRowsError, match=r"1 of 3 rows are bad") as caught:
        fit(frame, schema)
    assert "row 3: cannot be taken apart into its columns: '{\"y\":1,'" in str(caught.value)


@pytest.mark.parametrize("quote", [True, False])
def test_lines_of_another_number_of_columns_are_bad_rows(spark: Any, tmp_path: Path, quote: bool) -> None:
    from manyhot.scaleout.spark import fit
    from manyhot.scaleout.spark._files import read_files

    (tmp_path / "rows.csv").write_text("y,city,apps,more\n1,a,x:1,\n1,b,x:1,,\n0,c\n0,d,x:1,m\n")
    frame = read_files(spark, "rows.csv", tmp_path, Reading(quote=quote))
    with pytest.raises(BadRowsError, match=r"2 of 4 rows are bad \(2 are good\)") as caught:
        fit(frame, SCHEMA)
    where = f"(in file://{tmp_path}/rows.csv)"
    assert f"row 2: cannot be taken apart into its columns: '1,b,x:1,,' {where}" in str(caught.value)
    assert f"row 3: cannot be taken apart into its columns: '0,c' {where}" in str(caught.value)


def test_files_that_spark_would_misread_are_refused(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import fit
    from manyhot.scaleout.spark._files import read_files

    (tmp_path / "a.csv").write_text("y,city,apps\n1,a,x:1\n")
    (tmp_path / "turned.csv").write_text("city,y,apps\na,1,x:1\n")
    (tmp_path / "_hidden.csv").write_text("y,city,apps\n1,a,x:1\n")
    (tmp_path / "rows.arrow").write_bytes(b"")
    pq.write_table(TABLE, tmp_path / "rows.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    for patterns, sentence in (
        (("_hidden.csv",), "Spark leaves out files whose names begin with"),
        (("a.csv", "rows.parquet"), "have different formats"),
        (("rows.arrow",), "reads parquet, csv, tsv and jsonl, not arrow"),
        (("gone.csv",), "there is no such file"),
        (("SELECT * FROM 'a.csv'",), "the Spark engine reads files on paths"),
        (("s3://bucket/a.parquet",), "the Spark engine reads files on paths"),
    ):
        with pytest.raises(DataError, match=sentence):
            read_files(spark, patterns, tmp_path, Reading())
    with pytest.raises(DataError, match="Spark cannot learn from the DataFrame: "):
        fit(read_files(spark, ("a.csv", "turned.csv"), tmp_path, Reading()), SCHEMA)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ('split = { by = "fraction", valid = 0.5 }', "Spark does not cut valid and test out of train"),
        ("max_bad_rows = 3", "are of the embedded engine"),
    ],
)
def test_what_the_embedded_engine_alone_does_is_refused(tmp_path: Path, key: str, sentence: str) -> None:
    from manyhot.scaleout.spark import prepare_experiment

    pq.write_table(TABLE, tmp_path / "train.parquet")
    (tmp_path / "e.toml").write_text(f'[data]\ntrain = "train.parquet"\nlabel = "y"\n{key}\n[fields.city]\n')
    with pytest.raises(ConfigError, match=sentence):
        prepare_experiment(load_experiment(tmp_path / "e.toml"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


EXPERIMENT = """
[data]
train = "train.parquet"
valid = "valid.parquet"
label = "y"
[fields.city]
[fields.apps]
separators = { weight = ":" }
[model]
name = "lr"
[training]
epochs = 1
"""


def manyhot(folder: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "manyhot.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_the_command_prepares(loopback: None, tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "train.parquet")
    pq.write_table(TABLE.slice(20), tmp_path / "valid.parquet")
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    code, said, errors = manyhot(
        tmp_path, "prepare", "e.toml", "--out", "p", "--engine", "spark", "--master", "local[1]"
    )
    assert code == 0, errors
    assert said.splitlines() == [
        "train 60 rows read, 60 accepted, 0 rejected; 180 pairs",
        "valid 40 rows read, 40 accepted, 0 rejected; 120 pairs",
        "vocabularies: city 8, apps 3",
        "prepared: p",
    ]
    schema = Schema(label="y", fields=(Field("city"), Field("apps", separators=Separators(weight=":"))))
    assert Prepared.open(tmp_path / "p", schema).proof == TABLE.slice(20).select(["city", "apps"])


def test_without_java_a_sentence_says_so(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "train.parquet")
    (tmp_path / "e.toml").write_text(EXPERIMENT.replace('valid = "valid.parquet"\n', ""))
    command = [sys.executable, "-m", "manyhot.cli", "prepare", "e.toml", "--out", "p", "--engine", "spark"]
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "gone")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "manyhot: Spark cannot start, which needs Java 17 or later" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "p").exists()


def test_trees_are_refused() -> None:
    from manyhot.scaleout.spark import fit

    schema = Schema(label="y", fields=[Field("leaves", gbdt=GBDT(columns=["a"]))])
    with pytest.raises(ConfigError, match='field "leaves": Spark does not grow the trees of gbdt'):
        fit(None, schema)  # it is refused before the rows are looked at


def test_without_pyspark_a_sentence_names_the_extra(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "train.parquet")
    (tmp_path / "e.toml").write_text(EXPERIMENT.replace('valid = "valid.parquet"\n', ""))
    program = (
        "import sys; sys.modules['pyspark'] = None; from manyhot.cli import main; "
        "main(['prepare', 'e.toml', '--out', 'p', '--engine', 'spark'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'install it: pip install "manyhot[spark]"' in done.stderr
    assert not (tmp_path / "p").exists()
