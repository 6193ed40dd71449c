"""Spark's ids and Examples are those of the embedded engine, byte for byte, in another order."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from same_rows import rows_as_bytes

from conftest import PANDAS
from manyhot.data import Encoder, Examples, Prepared, open_source, parts_to_train_on, prepare
from manyhot.schema import Experiment, Field, Schema, Separators, Vocabulary, load_experiment

pytestmark = pytest.mark.filterwarnings(f"ignore:{PANDAS}:FutureWarning")
ROOT = Path(__file__).parent.parent.parent
APP = Vocabulary("app", min_count=2, max_size=40)
NAMES = ["a", "z", "ž", "é", "app with space", "漢字", "😀", *(f"app{i}" for i in range(60))]

SCHEMA = Schema(
    label="y",
    fields=(
        Field("list", APP, weights="days"),
        Field("structs", APP, combiner="mean"),
        Field("map", APP),
        Field("text", APP, separators=Separators(weight=":"), missing="oov"),
        Field("hashed", Vocabulary("hashed", hash_buckets=9), column="app"),
        Field("day", missing="oov"),
        Field("moment"),
        Field("flags", columns=["flag", "price"]),
        Field("age", numeric=["quantile_bucket(9)"], missing="oov"),
        Field("size", numeric=["clip(0, inf)", "log1p", "standardize"]),
        Field("raw", column="size", numeric=["standardize", "log2_bucket"]),
        Field("cents", columns=["price", "age"], numeric={"price": ["minmax"], "age": ["clip(0, 50)", "minmax"]}),
    ),
)


def table_of(num_rows: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)

    def bag() -> list[str]:
        return [NAMES[i] for i in (len(NAMES) * rng.random(rng.integers(0, 5)) ** 2).astype(int)]

    def gaps(values: Any, kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind, mask=rng.random(num_rows) < 0.1)

    bags = [bag() for _ in range(num_rows)]
    weighted = [[{"token": token, "weight": i / 4} for i, token in enumerate(bag())] for _ in range(num_rows)]
    start = datetime.datetime(2026, 1, 1)
    return pa.table(
        {
            "list": pa.array(bags, pa.list_(pa.string())),
            "days": pa.array([[float(len(t)) for t in b] for b in bags], pa.list_(pa.float32())),
            "structs": pa.array(weighted, pa.list_(pa.struct([("token", pa.string()), ("weight", pa.float32())]))),
            "map": pa.array(
                [[(t, 0.5) for t in dict.fromkeys(bag())] for _ in bags], pa.map_(pa.string(), pa.float64())
            ),
            "text": gaps([",".join(f"{t}:{i / 2}" for i, t in enumerate(bag())) for _ in bags], pa.string()),
            "app": gaps([NAMES[rng.integers(len(NAMES))] for _ in bags], pa.string()),
            "day": gaps([start.date() + datetime.timedelta(int(d)) for d in rng.integers(0, 9, num_rows)], pa.date32()),
            "moment": gaps(
                [start + datetime.timedelta(minutes=int(m) * 30) for m in rng.integers(0, 99, num_rows)],
                pa.timestamp("us", "UTC"),
            ),
            "flag": gaps(rng.random(num_rows) < 0.5, pa.bool_()),
            "price": gaps([decimal.Decimal(int(p)) / 4 for p in rng.integers(0, 40, num_rows)], pa.decimal128(9, 2)),
            "age": gaps(rng.integers(0, 90, num_rows), pa.int32()),
            "size": gaps(rng.lognormal(3, 4, num_rows), pa.float64()),
            "y": rng.integers(0, 2, num_rows),
        }
    )


def assert_same_rows(ours: Examples, theirs: Examples) -> None:
    assert rows_as_bytes(ours) == rows_as_bytes(theirs)


def test_generated_rows_of_every_kind_in_any_partitions(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import encode, fit

    table = table_of(3000)
    source = open_source(table)
    expected = Encoder.fit(SCHEMA, source)
    rows = Examples(expected.encode(source, with_labels=True), len(SCHEMA.fields))
    assert len(expected.vocabularies["app"].tokens) == 40

    frame = spark.createDataFrame(table).repartition(5)
    encoder = fit(frame, SCHEMA)
    assert encoder.fingerprint() == expected.fingerprint()
    found = encode(frame, encoder, tmp_path / "shards")
    assert_same_rows(found, rows)
    names = [f"part-{i:05}.arrow" for i in range(5)]
    assert sorted(p.name for p in (tmp_path / "shards").iterdir()) == names
    assert [p.name for p in tmp_path.iterdir()] == ["shards"]


def test_rows_of_weight_0_teach_nothing_and_weights_and_both_labels_are_kept(spark: Any, tmp_path: Path) -> None:
    from manyhot.scaleout.spark import prepare as prepare_by_spark

    table = table_of(400).append_column("w", pa.array([i % 3 / 2 for i in range(400)]))
    table = table.append_column("z", pa.array([None if i % 4 == 0 else i % 5 == 0 for i in range(400)]))
    schema = Schema(labels=("z", "y"), fields=(Field("app"), Field("age", numeric=["minmax"])), example_weights="w")
    sources = parts_to_train_on({"train": open_source(table)}, schema)
    embedded = prepare(schema, sources, tmp_path / "embedded")
    frame = spark.createDataFrame(table.select(["app", "age", "w", "y", "z"])).repartition(3)
    assert prepare_by_spark(schema, tmp_path / "spark", train=frame) == {**embedded, "engine": "spark"}
    ours, theirs = (Prepared.open(tmp_path / name, schema).examples["train"] for name in ("spark", "embedded"))
    assert ours.labels.shape == (ours.num_rows, 2) == (266, 2)
    assert np.isnan(ours.labels).sum(0).tolist() == [sum(i % 4 == 0 and i % 3 > 0 for i in range(400)), 0]
    assert_same_rows(ours, theirs)
    assert sorted(ours.example_weights.tolist()) == sorted(theirs.example_weights.tolist())
    assert set(ours.example_weights.tolist()) == {0.5, 1.0}


def both_ways(spark: Any, experiment: Experiment, folder: Path) -> tuple[Prepared, dict[str, Any]]:
    """Prepared by Spark, checked against the embedded engine; and what prepared.json says."""
    from manyhot.scaleout.spark import prepare_experiment

    data = experiment.data
    sources = {
        name: open_source(getattr(data, name), folder=experiment.folder, reading=data.reading)
        for name in ("train", "valid", "test")
        if getattr(data, name) is not None
    }
    embedded = prepare(experiment.schema, sources, folder / "embedded", reading=data.reading)
    by_spark = prepare_experiment(experiment, folder / "spark")
    assert by_spark == {**embedded, "engine": "spark"}
    ours, theirs = (Prepared.open(folder / name, experiment.schema) for name in ("spark", "embedded"))
    for name, examples in theirs.examples.items():
        assert_same_rows(ours.examples[name], examples)
    assert ours.reading == data.reading
    assert ours.proof.column_names == theirs.proof.column_names
    assert ours.proof.num_rows == theirs.proof.num_rows
    assert spark.range(3).count() == 3  # a session that was there is left
    return ours, by_spark


def run(*command: Any) -> None:
    subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True, cwd=ROOT)


@pytest.fixture(scope="module")
def criteo(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("criteo")
    raw = shared / "data/criteo/criteo_kaggle_a_first10000.tsv.gz"
    run("examples/criteo/prepare.py", raw, folder / "data")
    (folder / "raw.tsv.gz").symlink_to(raw)
    for path in (ROOT / "examples/criteo").glob("*.toml"):
        (folder / path.name).write_text(path.read_text())
    return folder


def test_criteo_by_the_articles_recipe(spark: Any, criteo: Path, tmp_path: Path) -> None:
    _, said = both_ways(spark, load_experiment(criteo / "article.toml"), tmp_path)
    assert {name: part["rows"] for name, part in said["parts"].items()} == {"train": 8000, "test": 2000}


def test_criteo_in_39_fields_from_raw_text(spark: Any, criteo: Path, tmp_path: Path) -> None:
    columns = ["Label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27))]
    changes = ("data.train=raw.tsv.gz", "data.test=raw.tsv.gz", f"data.columns={columns}", "data.quote=false")
    _, said = both_ways(spark, load_experiment(criteo / "fields39.toml", changes), tmp_path)
    assert {name: part["rows"] for name, part in said["parts"].items()} == {"train": 10000, "test": 10000}


def test_movielens(spark: Any, shared: Path, tmp_path: Path) -> None:
    run("examples/movielens/prepare.py", shared / "data/movielens-latest-small", tmp_path / "data")
    path = tmp_path / "data" / "train.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=10_000)  # a row group goes to one partition
    (tmp_path / "movielens.toml").write_text((ROOT / "examples/movielens/movielens.toml").read_text())
    _, said = both_ways(spark, load_experiment(tmp_path / "movielens.toml"), tmp_path)
    assert sum(part["rows"] for part in said["parts"].values()) == 100836
    assert len(list((tmp_path / "spark" / "train").iterdir())) > 3
