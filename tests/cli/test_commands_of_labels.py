"""The commands on an experiment of two labels: a line a label, a column a label, and a sentence where one is needed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import manyhot as mh
from manyhot.cli import main

EXPERIMENT = """
[data]
train = "rows.csv"
labels = ["click", "buy"]
group = "user"
split = { by = "hash", key = "user", valid = 0.2, test = 0.2 }
max_bad_rows = 1
[fields.item]
[model]
name = "deepfm"
embedding_dim = 2
hidden_units = [4]
tasks = { kind = "esmm" }
[training]
batch_size = 64
epochs = 2
label_weights = { buy = 2.0 }
early_stopping = { metric = "log_loss", label = "buy", patience = 1 }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, rng, count = tmp_path_factory.mktemp("labels"), np.random.default_rng(0), 1500
    item = rng.integers(0, 20, count)
    click = rng.random(count) < np.where(item < 10, 0.7, 0.2)
    columns = {
        "item": [f"item{i}" for i in item],
        "user": [f"user{i}" for i in rng.integers(0, 60, count)],
        "click": click.astype(int).astype(str).tolist(),
        "buy": (click & (item % 3 == 0)).astype(int).astype(str).tolist(),
    }
    columns["buy"][7] = "perhaps"
    columns["buy"][9] = ""
    pacsv.write_csv(pa.table(columns), path / "rows.csv")
    (path / "two.toml").write_text(EXPERIMENT)
    return path


def test_from_rows_to_scores(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    main(["train", "two.toml", "--out", "out"])
    said = capfd.readouterr()
    lines = said.out.splitlines()
    assert [line.split()[:3] for line in lines[:4]] == [
        [part, label, "auc"] for part in ("valid", "test") for label in ("click", "buy")
    ]
    assert all("gauc" in line for line in lines[:4])
    assert "1 rejected" in said.err
    first, second, *_ = (line for line in said.err.splitlines() if "log_loss" in line)
    assert "valid click  auc" in first and second.lstrip().startswith("buy    auc")
    assert first.index("click") == second.index("buy")
    metrics = json.loads((folder / "out" / "metrics.json").read_text())
    assert set(metrics["test"]) == {"click", "buy"}
    rejects = pq.read_table(folder / "out" / "rejects.parquet").to_pylist()
    assert [reject["reason"] for reject in rejects] == ["column \"buy\" is not a number: 'perhaps'"]

    clean = pacsv.read_csv("rows.csv").filter(pa.array([i not in (7,) for i in range(1500)]))
    pacsv.write_csv(clean, "clean.csv")
    main(["score", "out/model.manyhot", "clean.csv", "--out", "scores.parquet"])
    scores = pq.read_table("scores.parquet")
    assert scores.column_names == ["click", "buy"]
    np.testing.assert_array_equal(
        np.stack([scores["click"], scores["buy"]], 1), mh.load("out/model.manyhot").score("clean.csv")
    )
    capfd.readouterr()
    main(["evaluate", "out/model.manyhot", "clean.csv"])
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["click", "buy"] and all("log_loss" in line for line in lines)
    main(["evaluate", "out/model.manyhot", "clean.csv", "--as-json"])
    found = json.loads(capfd.readouterr().out)
    assert found["examples"] == 1499 and set(found) == {"click", "buy", "examples"}
    main(["inspect", "out/model.manyhot"])
    shown = capfd.readouterr().out
    assert "labels     click, buy" in shown and "esmm" in shown


def test_prepared_rows_train_to_the_same_metrics(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    main(["prepare", "two.toml", "--out", "prepared"])
    main(["train", "two.toml", "--prepared", "prepared", "--out", "from_prepared"])
    main(["train", "two.toml", "--out", "from_raw"])
    one, other = (json.loads((folder / name / "metrics.json").read_text()) for name in ("from_prepared", "from_raw"))
    assert one["valid"] == other["valid"] and one["test"] == other["test"]


def test_check_says_that_it_looks_at_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        main(["check", "two.toml"])
    assert caught.value.code == 2
    assert "one label" in capfd.readouterr().err
