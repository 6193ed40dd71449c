"""manyhot prepare: what it leaves and says, and that training needs the raw rows no more."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

import in_process

EXPERIMENT = """
[data]
train = "train.csv"
valid = "valid.csv"
label = "y"
[fields.city]
[fields.age]
numeric = ["standardize"]
[model]
name = "deepfm"
embedding_dim = 4
hidden_units = [8]
[training]
epochs = 2
batch_size = 64
threads = 1
early_stopping = { metric = "auc", patience = 1 }
"""


def manyhot(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = in_process.manyhot(*arguments, cwd=folder)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name, count in (("train", 300), ("valid", 200)):
        lines = [f"{rng.integers(2)},c{rng.integers(9)},{rng.integers(15, 70)}" for _ in range(count)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["y,city,age", *lines]) + "\n")
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    return tmp_path


def test_a_model_of_prepared_rows_is_the_model_of_the_raw_ones(folder: Path) -> None:
    code, said, errors = manyhot(folder, "prepare", "e.toml", "--out", "deep/p")
    assert (code, errors) == (0, "")
    assert said.splitlines() == [
        "train 300 rows read, 300 accepted, 0 rejected; 600 pairs",
        "valid 200 rows read, 200 accepted, 0 rejected; 400 pairs",
        "vocabularies: city 10, age 2",
        "prepared: deep/p",
    ]
    assert json.loads((folder / "deep/p/prepared.json").read_text())["engine"] == "embedded"
    assert manyhot(folder, "train", "e.toml", "--out", "raw")[0] == 0
    for name in ("train.csv", "valid.csv"):
        (folder / name).unlink()
    code, _, errors = manyhot(folder, "train", "e.toml", "--prepared", "deep/p", "--out", "ours")
    assert code == 0, errors
    ours, raw = (load_file(folder / name / "model.manyhot") for name in ("ours", "raw"))
    assert ours.keys() == raw.keys()
    for name in ours.keys() - {"checksum"}:  # the header that it covers says how fast training was
        assert ours[name].tobytes() == raw[name].tobytes(), name


def test_splits_and_bad_rows_are_those_of_training(folder: Path) -> None:
    with (folder / "train.csv").open("a") as rows:
        rows.write("2,c1,30\n1,c1,old\n")
    split = EXPERIMENT.replace('valid = "valid.csv"', 'split = { by = "fraction", valid = 0.3 }\nmax_bad_rows = 2')
    (folder / "e.toml").write_text(split)
    code, said, errors = manyhot(folder, "prepare", "e.toml", "--out", "p")
    assert code == 0, errors
    counts = [line.split("; ")[0] for line in said.splitlines()[:2]]
    assert sum(int(line.split()[1]) for line in counts) == 302
    assert sum(int(line.split()[-2]) for line in counts) == 2
    rejects = pq.read_table(folder / "p" / "rejects.parquet")
    assert sorted(rejects["line"].to_pylist()) == [302, 303]
    for arguments in (("--out", "raw"), ("--prepared", "p", "--out", "ours")):
        code, _, errors = manyhot(folder, "train", "e.toml", *arguments)
        assert code == 0, errors
    ours, raw = (json.loads((folder / name / "metrics.json").read_text())["valid"] for name in ("ours", "raw"))
    assert ours == raw


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_refused_is_one_sentence_and_leaves_nothing(folder: Path) -> None:
    def refused(*arguments: str) -> str:
        before = files(folder)
        code, said, errors = manyhot(folder, *arguments)
        assert (code, said) == (2, ""), errors
        assert "Traceback" not in errors
        assert files(folder) == before
        return errors

    assert "there is no such file" in refused("prepare", "e.toml", "--out", "p", "--set", "data.train=gone.csv")
    assert "--master is for --engine spark" in refused("prepare", "e.toml", "--out", "p", "--master", "local")
    assert "is there already" in refused("prepare", "e.toml", "--out", "train.csv")
    assert "holds no prepared rows" in refused("train", "e.toml", "--prepared", "p", "--out", "out")
    with (folder / "valid.csv").open("a") as file:
        file.write("3,c1,50\n")
    assert "1 of 201 rows are bad (200 are good)" in refused("prepare", "e.toml", "--out", "p")
    assert manyhot(folder, "prepare", "e.toml", "--out", "p", "--set", "data.valid=train.csv")[0] == 0
    changed = refused("train", "e.toml", "--prepared", "p", "--out", "out", "--set", "fields.city.missing=oov")
    assert 'was prepared by another schema (field "city": missing was null, now "oov"); prepare it anew' in changed
