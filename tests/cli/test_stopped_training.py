"""`manyhot train` that is stopped: the exit code, the sentence, what lies there, and how it goes on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from in_process import manyhot
from manyhot.data import Encoder
from manyhot.storage import RunLock
from manyhot.training import Learner, _run

EXPERIMENT = """
[data]
train = "train.parquet"
valid = "valid.parquet"
label = "clicked"
[fields.app]
[model]
name = "fm"
embedding_dim = 4
[training]
batch_size = 50
epochs = 3
threads = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for seed, name in enumerate(("train", "valid")):
        rng = np.random.default_rng(seed)
        app = rng.integers(0, 20, 500)
        rows = {"app": [f"app{i}" for i in app], "clicked": (rng.random(500) < app / 20).astype(np.int8)}
        pq.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
    (tmp_path / "apps.toml").write_text(EXPERIMENT)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background may have it ignored
    yield tmp_path
    signal.signal(signal.SIGINT, before)


def signalled(folder: Path, which: signal.Signals, step: int, *arguments: str) -> Any:
    """The command, which gets the signal in the midst of this step."""
    learn, steps = Learner.learn, []

    def learn_and_signal(learner: Learner, batch: Any, largest: float) -> Any:
        steps.append(0)
        if len(steps) == step:
            os.kill(os.getpid(), which)
        return learn(learner, batch, largest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "learn", learn_and_signal)
        return manyhot("train", "apps.toml", "--out", "out", *arguments, cwd=folder)


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("which", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_after_the_step_and_the_same_command_goes_on(folder, which, code):
    before = signal.getsignal(which)
    whole = manyhot("train", "apps.toml", "--out", "whole", cwd=folder)
    assert whole.returncode == 0, whole.stderr
    done = signalled(folder, which, 14)
    checkpoint = Path("out/checkpoints/step-000000000014")
    sentence = f"manyhot: stopped by {which.name} after step 14; the same command goes on from {checkpoint}"
    assert done.returncode == code and done.stderr.splitlines()[-1] == sentence
    assert (folder / checkpoint).is_dir() and not (folder / "out/lock").exists()
    assert signal.getsignal(which) is before
    again = manyhot("train", "apps.toml", "--out", "out", "--resume", cwd=folder)
    assert again.returncode == 0 and "goes on from step 14 (epoch 2 of 3)" in again.stderr
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["log.jsonl", "metrics.json", "model.manyhot"]
    metrics = [json.loads((folder / name / "metrics.json").read_text()) for name in ("whole", "out")]
    assert metrics[0]["valid"] == metrics[1]["valid"] and metrics[0]["examples"] == metrics[1]["examples"]


def test_the_log_of_a_training_that_was_stopped_reads_like_one_that_was_not(folder):
    manyhot("train", "apps.toml", "--out", "whole", cwd=folder)
    signalled(folder, signal.SIGTERM, 5)
    signalled(folder, signal.SIGTERM, 10)  # after 15 of them, before the look at the end of the epoch
    torn = folder / "out/log.jsonl"
    torn.write_text(torn.read_text() + '{"event": "valid", "step": 20}\n{"event": "pro')  # as after a kill
    manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    whole, stopped = (
        [(report["event"], report.get("step"), report.get("auc")) for report in log_of(folder / name)]
        for name in ("whole", "out")
    )
    assert [report for report in whole if report[0] != "progress"] == [r for r in stopped if r[0] != "progress"]


def test_a_changed_key_is_named_and_the_ways_out_are_told(folder):
    signalled(folder, signal.SIGTERM, 14)
    refused = manyhot("train", "apps.toml", "--out", "out", "--set", "training.seed=2", cwd=folder)
    assert refused.returncode == 2 and "training.seed was 1, is 2" in refused.stderr
    assert "step 14" in refused.stderr and "Traceback" not in refused.stderr
    anew = manyhot("train", "apps.toml", "--out", "out", "--set", "training.seed=2", "--no-resume", cwd=folder)
    assert anew.returncode == 0 and "goes on" not in anew.stderr
    assert log_of(folder / "out")[0]["step"] == 0


def test_resume_without_a_checkpoint_is_refused_and_leaves_nothing(folder):
    refused = manyhot("train", "apps.toml", "--out", "out", "--resume", cwd=folder)
    assert refused.returncode == 2 and "no checkpoint to resume from" in refused.stderr
    assert not (folder / "out").exists()


def test_a_finished_training_starts_anew(folder):
    assert manyhot("train", "apps.toml", "--out", "out", cwd=folder).returncode == 0
    again = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert again.returncode == 0 and "goes on" not in again.stderr
    assert [report["event"] for report in log_of(folder / "out")].count("start") == 1


def test_what_a_killed_training_left_half_written_goes(folder):
    left = [folder / "out" / f"{name}.0123456789abcdef.tmp" for name in ("log.jsonl", "metrics.json", "model.manyhot")]
    others = [folder / "out" / name for name in ("notes.tmp", "log.jsonl.old.tmp")]
    (folder / "out").mkdir()
    for path in (*left, *others):
        path.write_text("half")
    assert manyhot("train", "apps.toml", "--out", "out", cwd=folder).returncode == 0
    assert [path.exists() for path in (*left, *others)] == [False] * 3 + [True] * 2


def test_checkpoints_can_be_turned_off(folder):
    done = signalled(folder, signal.SIGTERM, 14, "--set", "training.checkpoints.enabled=false")
    assert done.returncode == 143 and "no checkpoint" in done.stderr
    assert not (folder / "out/checkpoints").exists()


def test_an_output_folder_in_use_is_refused(folder):
    with RunLock(folder / "out"):
        refused = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert refused.returncode == 2 and f"process {os.getpid()} on " in refused.stderr


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_first_step_leaves_nothing(folder, monkeypatch, which):
    encode = Encoder.encode

    def encode_and_signal(encoder: Encoder, *arguments: Any, **options: Any) -> Any:
        yield from encode(encoder, *arguments, **options)
        os.kill(os.getpid(), which)

    monkeypatch.setattr(Encoder, "encode", encode_and_signal)
    done = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert done.returncode == 128 + which and f"stopped by {which.name}" in done.stderr.splitlines()[-1]
    assert not (folder / "out").exists() and not list(folder.rglob("*.tmp"))


def test_a_signal_after_the_last_step_keeps_the_checkpoint(folder, monkeypatch):
    def signal_itself(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_run, "take_proof", signal_itself)
        done = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert done.returncode == 143 and "goes on from the last checkpoint" in done.stderr
    again = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert again.returncode == 0 and "goes on from step" in again.stderr
