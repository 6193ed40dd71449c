"""From one file of weighted rows to a model: split, weighed, judged within groups."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import manyhot as mh
from in_process import manyhot
from manyhot.cli import main

EXPERIMENT = """
[data]
train = "clicks.csv"
label = "clicked"
example_weights = "weight"
group = "user"
time = "at"
split = { by = "time", valid = 0.2, test = 0.1 }
[fields.item]
[fields.user]
[model]
name = "fm"
embedding_dim = 4
[training]
batch_size = 64
epochs = 3
early_stopping = { metric = "gauc", patience = 1 }
"""


def clicks(count: int = 2000) -> pa.Table:
    rng = np.random.default_rng(0)
    item, minutes = rng.integers(0, 20, count), rng.integers(0, 30_000, count)
    at = np.datetime64("2014-10-21T00:00") + minutes.astype("timedelta64[m]")
    return pa.table(
        {
            "item": [f"item{i}" for i in item],
            "user": [f"user{i}" for i in rng.integers(0, 40, count)],
            "at": [str(moment) for moment in at],
            "weight": rng.choice([0.0, 1.0, 2.0], count),
            "clicked": (rng.random(count) < np.where(item < 10, 0.7, 0.2)).astype(np.int8),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clicks")
    pacsv.write_csv(clicks(), path / "clicks.csv")
    (path / "clicks.toml").write_text(EXPERIMENT)
    done = manyhot("train", "clicks.toml", "--out", "out", cwd=path)
    assert done.returncode == 0, done.stderr
    (path / "stderr.txt").write_text(done.stderr)
    (path / "stdout.txt").write_text(done.stdout)
    return path


def test_train_tells_the_parts_and_judges_within_groups(folder: Path) -> None:
    table = clicks()
    order = sorted(table["at"].to_pylist())
    said = (folder / "stderr.txt").read_text()
    assert f"({order[1400].replace('T', ' ')}:00 UTC), test from" in said
    num_train = pc.sum(pc.and_(pc.less(table["at"], order[1400]), pc.greater(table["weight"], 0))).as_py()
    for words in (
        f"train encoded: {num_train:,} examples",
        "valid encoded: 400 examples",
        "test encoded: 200 examples",
    ):
        assert words in said
    metrics = json.loads((folder / "out/metrics.json").read_text())
    assert set(metrics["valid"]) >= {"auc", "log_loss", "gauc", "groups", "groups_of_one_class"}
    assert metrics["test"]["gauc"] > 0.6
    assert metrics["test"]["groups"] + metrics["test"]["groups_of_one_class"] <= 40
    assert f"({metrics['test']['groups']} groups, " in (folder / "stdout.txt").read_text()
    events = [json.loads(line) for line in (folder / "out/log.jsonl").read_text().splitlines()]
    assert all("gauc" in event for event in events if event["event"] == "valid")


def test_evaluate_says_of_the_last_rows_what_training_said(folder: Path) -> None:
    table = clicks()
    last = table.filter(pc.greater_equal(table["at"], sorted(table["at"].to_pylist())[1800]))
    pq.write_table(last, folder / "last.parquet")
    done = manyhot("evaluate", "out/model.manyhot", "last.parquet", "--as-json", cwd=folder)
    assert done.returncode == 0, done.stderr
    said, expected = json.loads(done.stdout), json.loads((folder / "out/metrics.json").read_text())["test"]
    assert said == pytest.approx({**expected, "examples": 200}, abs=1e-6)
    plain = manyhot("evaluate", "out/model.manyhot", "last.parquet", cwd=folder)
    assert ["gauc", f"{expected['gauc']:.5f}"] in [line.split() for line in plain.stdout.splitlines()]
    assert f"gauc within {expected['groups']} groups, {expected['groups_of_one_class']} of one class" in plain.stdout


def test_score_needs_the_fields_alone_and_inspect_shows_the_rest(folder: Path) -> None:
    pq.write_table(clicks(10).select(["user", "item"]), folder / "raw.parquet")
    done = manyhot("score", "out/model.manyhot", "raw.parquet", "--out", "scores.parquet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(folder / "scores.parquet").num_rows == 10
    shown = manyhot("inspect", "out/model.manyhot", cwd=folder).stdout.splitlines()
    for line in ("weights    weight", "group      user", "time       at", "split      by time, valid 0.2, test 0.1"):
        assert line in shown


def test_a_second_run_reads_no_row_but_those_that_prove_the_model(folder: Path) -> None:
    again = manyhot("train", "clicks.toml", "--out", "again", cwd=folder)
    assert again.returncode == 0 and again.stderr.count("reused") == 4
    assert "split by time" not in again.stderr
    first, second = (json.loads((folder / d / "metrics.json").read_text()) for d in ("out", "again"))
    assert first["test"] == second["test"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["data.split.valid=0.9995", "data.split.test=0.0001"], ["clicks.csv", "nothing is left for train"]),
        (["data.split={ by = 'hash', key = 'usr', valid = 0.1 }"], ["clicks.csv", '"usr" is missing', '"user"']),
        (["data.time=item"], ["clicks.csv:2", 'column "item" is no time', "2000 of 2000 rows are bad"]),
        (["data.example_weights=user"], ["1400 of 1400 rows are bad", "clicks.csv:3", 'column "user" is not a number']),
        (["data.valid=clicks.csv"], ["clicks.toml", "makes valid, which is given too"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    folder: Path,
    changes: list[str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    sets = [part for change in changes for part in ("--set", change)]
    with pytest.raises(SystemExit) as ended:
        main(["train", "clicks.toml", "--out", "bad", *sets])
    said = capfd.readouterr().err
    assert ended.value.code == 2
    assert [word for word in words if word not in said] == [], said


def test_early_stopping_by_gauc_needs_a_group() -> None:
    training = mh.TrainingConfig(early_stopping=mh.EarlyStopping(metric="gauc"))
    rows = {"y": [0, 1], "a": ["u", "v"]}
    with pytest.raises(mh.ConfigError, match='early_stopping by "gauc" needs a group'):
        mh.train(mh.Schema(label="y", fields=(mh.Field("a"),)), mh.LR(), train=rows, valid=rows, training=training)
