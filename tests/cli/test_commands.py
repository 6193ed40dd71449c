"""The commands as real processes: what they leave, what they print, what they refuse."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from in_process import manyhot

EXPERIMENT = """
[data]
train = "train.parquet"
valid = "valid.parquet"
test = "test.parquet"
label = "clicked"
[vocabularies.app]
[fields.apps]
vocabulary = "app"
separators = { pair = ",", weight = ":" }
[fields.candidate]
vocabulary = "app"
[fields.age]
numeric = ["log1p", "minmax"]
[model]
name = "deepfm"
embedding_dim = 4
hidden_units = [8]
[training]
batch_size = 64
epochs = 3
early_stopping = { metric = "auc", patience = 1 }
"""


def rows(seed, count=400):
    rng = np.random.default_rng(seed)
    apps = [f"app{i}" for i in range(20)]
    bags = [rng.choice(20, rng.integers(0, 5), replace=False) for _ in range(count)]
    candidates = rng.integers(0, 20, count)
    probability = np.where(candidates < 10, 0.7, 0.2)
    return pa.table(
        {
            "apps": [",".join(f"{apps[i]}:{0.5 + i / 20}" for i in bag) for bag in bags],
            "candidate": [apps[i] for i in candidates],
            "age": rng.integers(15, 70, count),
            "clicked": (rng.random(count) < probability).astype(np.int8),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("clicks")
    for seed, name in enumerate(("train", "valid", "test")):
        pq.write_table(rows(seed, 2000), path / f"{name}.parquet")
    (path / "clicks.toml").write_text(EXPERIMENT)
    done = manyhot("train", "clicks.toml", "--out", "out", cwd=path)
    assert done.returncode == 0, done.stderr
    return path


def test_train_leaves_model_metrics_and_log(folder):
    out = folder / "out"
    assert sorted(p.name for p in out.iterdir()) == ["log.jsonl", "metrics.json", "model.manyhot"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics) == {"valid", "test", "examples", "seconds", "examples_per_second"}
    assert set(metrics["valid"]) == set(metrics["test"]) >= {"auc", "log_loss", "pr_auc", "ece"}
    assert metrics["test"]["auc"] > 0.7
    assert metrics["examples"] % 2000 == 0 and metrics["examples_per_second"] > 0
    events = [json.loads(line)["event"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert events[0] == "start" and events[-1] == "end" and "valid" in events


def test_evaluate_says_what_training_said(folder):
    done = manyhot("evaluate", "out/model.manyhot", "test.parquet", "--as-json", cwd=folder)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "out/metrics.json").read_text())["test"]
    said = json.loads(done.stdout)
    assert said["examples"] == 2000
    assert said["auc"] == pytest.approx(metrics["auc"], abs=1e-6)
    assert said["log_loss"] == pytest.approx(metrics["log_loss"], abs=1e-6)


def test_score_writes_one_probability_a_row(folder):
    """In a process of its own, as from a shell."""
    command = [sys.executable, "-m", "manyhot.cli", "score", "out/model.manyhot", "test.parquet", "valid.parquet"]
    command += ["--out", "scores.parquet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    scores = pq.read_table(folder / "scores.parquet")["probability"].to_numpy()
    assert len(scores) == 4000 and 0 < scores.min() < scores.max() < 1


def test_inspect_names_fields_and_sharing(folder):
    done = manyhot("inspect", "out/model.manyhot", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.strip()}
    assert lines["apps"][2] == lines["candidate"][2] == "app"
    assert "256 rows" in done.stdout
    as_json = json.loads(manyhot("inspect", "out/model.manyhot", "--as-json", cwd=folder).stdout)
    assert as_json["vocabulary_sizes"] == {"app": 21, "age": 2}


def test_a_second_run_reuses_the_encoded_rows_and_gives_the_same_metrics(folder):
    again = manyhot("train", "clicks.toml", "--out", "again", cwd=folder)
    assert again.returncode == 0 and again.stderr.count("reused") == 4
    first, second = (json.loads((folder / d / "metrics.json").read_text()) for d in ("out", "again"))
    assert first["test"] == second["test"]


def test_one_changed_key_for_one_run(folder):
    done = manyhot(
        "train", "clicks.toml", "--out", "lr", "--set", "model.name=lr", "--set", "model.hidden_units=[]", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(manyhot("inspect", "lr/model.manyhot", "--as-json", cwd=folder).stdout)["summary"]["metrics"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "clicks.toml", "--set", "training.epoch=3"), ["clicks.toml", '"epoch"', '"epochs"']),
        (("train", "nowhere.toml"), ["nowhere.toml", "cannot read"]),
        (("train", "clicks.toml", "--set", "data.train=none.parquet"), ["none.parquet", "no such file"]),
        (("evaluate", "clicks.toml", "test.parquet"), ["clicks.toml", "no model file"]),
        (("evaluate", "out/model.manyhot", "nothing.parquet"), ["nothing.parquet", "no such file"]),
        (("score", "out/model.manyhot", "bad.csv", "--out", "bad.parquet"), ["bad.csv:3", '"apps"', "no number"]),
        (("score", "out/model.manyhot", "short.csv", "--out", "bad.parquet"), ["short.csv", '"age" is missing']),
        (("inspect", "test.parquet"), ["test.parquet", "no model file"]),
        (("trian", "clicks.toml"), ["trian", "train"]),
    ],
)
def test_bad_input_is_one_message_exit_code_2_and_nothing_written(folder, arguments, words):
    (folder / "bad.csv").write_text("apps,candidate,age\napp1:0.5,app2,30\napp1:x,app2,30\n")
    (folder / "short.csv").write_text("apps,candidate\napp1:0.5,app2\n")
    before = sorted(folder.rglob("*"))
    done = manyhot(*arguments, cwd=folder)
    said = done.stderr + done.stdout
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert all(word in said for word in words), said
    written = [p for p in folder.rglob("*") if p not in before and not p.is_dir()]
    assert written == []


def test_help_imports_neither_torch_nor_pyarrow(tmp_path):
    code = (
        "import sys, manyhot.cli\n"
        "try: manyhot.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "inspect" in done.stdout and done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
