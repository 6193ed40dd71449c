"""Real data and the examples, as a user runs them. Skipped where the data is absent."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from in_process import manyhot

ROOT = Path(__file__).parent.parent


def run(*command, cwd=ROOT):
    done = subprocess.run([sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_criteo_encoding_is_the_articles(shared):
    tiny = shared / "golden" / "criteo_tiny"
    said = run(
        "scripts/check-criteo-encoding", tiny / "raw.csv.gz", tiny / "encoded.tsv.gz", tiny / "vocabulary.txt", 10
    )
    assert "1999 rows, theirs 1999; 0 differ" in said


def test_criteo_encoding_check_can_fail(shared):
    tiny = shared / "golden" / "criteo_tiny"
    files = [tiny / "raw.csv.gz", tiny / "encoded.tsv.gz", tiny / "vocabulary.txt"]
    done = subprocess.run(
        [sys.executable, "scripts/check-criteo-encoding", *files, "12"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1 and "NOT the same" in done.stdout


@pytest.mark.parametrize(
    ("name", "raw", "experiment", "at_least"),
    [
        ("criteo", "data/criteo/criteo_kaggle_a_first10000.tsv.gz", "article.toml", 0.70),
        ("criteo", "data/criteo/criteo_kaggle_a_first10000.tsv.gz", "fields39.toml", 0.69),
        ("movielens", "data/movielens-latest-small", "movielens.toml", 0.60),
    ],
)
def test_examples_train_on_real_data(shared, tmp_path, name, raw, experiment, at_least):
    run(ROOT / "examples" / name / "prepare.py", shared / raw, tmp_path / "data", cwd=tmp_path)
    (tmp_path / experiment).write_text((ROOT / "examples" / name / experiment).read_text())
    done = manyhot("train", experiment, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["test"]["auc"] > at_least
    assert (tmp_path / "out" / "model.manyhot").stat().st_size > 0
