"""`manyhot train` where something around it fails: one sentence, and nothing is lost that need not be."""

from __future__ import annotations

import copy
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_stopped_training import folder, log_of, signalled

from in_process import manyhot
from manyhot.cli._training_log import TrainingLog
from manyhot.storage import CheckpointFolder

__all__ = ["folder"]

COMMAND = [sys.executable, "-m", "manyhot.cli"]


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one that a refused command ends with."""
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("manyhot: ") and "Traceback" not in done.stderr
    return last.removeprefix("manyhot: ")


def test_where_every_checkpoint_is_damaged_nothing_is_deleted_unasked(folder: Path) -> None:
    signalled(folder, signal.SIGTERM, 14)
    checkpoints = folder / "out/checkpoints"
    for arrays in checkpoints.glob("step-*/arrays"):
        arrays.write_bytes(arrays.read_bytes()[:-1])
    before = sorted(checkpoints.iterdir())
    said = sentence(manyhot("train", "apps.toml", "--out", "out", cwd=folder))
    assert "is damaged" in said and "no other that is whole" in said and "--no-resume" in said
    assert sorted(checkpoints.iterdir()) == before
    assert manyhot("train", "apps.toml", "--out", "out", "--no-resume", cwd=folder).returncode == 0


@pytest.mark.parametrize("change", ['training.non_finite="skip"', "training.exploding_loss=50"])
def test_what_is_done_about_bad_batches_may_change(folder: Path, change: str) -> None:
    signalled(folder, signal.SIGTERM, 14)
    again = manyhot("train", "apps.toml", "--out", "out", "--resume", "--set", change, cwd=folder)
    assert again.returncode == 0 and "goes on from step 14" in again.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda state: None,
        lambda state: [],
        lambda state: {**state, "loop": None},
        lambda state: {**state, "loop": {**state["loop"], "epoch": "2"}},
        lambda state: {**state, "loop": {**state["loop"], "batches": -1}},
        lambda state: {**state, "loop": {**state["loop"], "done": 1}},
        lambda state: {**state, "non_finite": {**state["non_finite"], "lowest": "a"}},
        lambda state: {**state, "clock": {**state["clock"], "warm": [0]}},
        lambda state: {key: value for key, value in state.items() if key != "learner"},
    ],
)
def test_a_checkpoint_of_other_contents_is_refused(folder: Path, change: Any) -> None:
    signalled(folder, signal.SIGTERM, 14)
    checkpoints = CheckpointFolder(folder / "out/checkpoints", keep=1)
    stored = checkpoints.newest(pytest.fail)
    assert stored is not None
    header = {**stored.header, "state": change(copy.deepcopy(stored.header["state"]))}
    checkpoints.write(stored.step, header, stored.arrays)
    said = sentence(manyhot("train", "apps.toml", "--out", "out", cwd=folder))
    assert "the checkpoint is not one of this training" in said


def test_a_later_format_is_named_on_one_line(folder: Path) -> None:
    signalled(folder, signal.SIGTERM, 14)
    checkpoints = CheckpointFolder(folder / "out/checkpoints", keep=1)
    stored = checkpoints.newest(pytest.fail)
    assert stored is not None
    header = {**stored.header, "format": "2\nmanyhot: all is well", "machine": {"manyhot": "\x1b[31m9"}}
    checkpoints.write(stored.step, header, stored.arrays)
    done = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert r"in format 2\nmanyhot: all is well" in sentence(done) and "\x1b" not in done.stderr


@pytest.mark.parametrize("out", ["file", "file/below", "dangling", "x" * 300])
def test_an_output_folder_that_cannot_be_made(folder: Path, out: str) -> None:
    (folder / "file").write_text("")
    (folder / "dangling").symlink_to(folder / "nowhere" / "at all")
    assert sentence(manyhot("train", "apps.toml", "--out", out, cwd=folder)).startswith(f"{out}: cannot make")
    assert (folder / "file").read_text() == ""


def test_a_query_is_interrupted_in_good_order(folder: Path) -> None:
    """DuckDB makes an error of its own of it."""
    text = (folder / "apps.toml").read_text()
    query = "SELECT 'app' || (range % 7) AS app, range % 2 AS clicked FROM range(100000000000)"
    (folder / "apps.toml").write_text(text.replace('"train.parquet"', f'"{query}"'))
    command = [*COMMAND, "train", "apps.toml", "--out", "out"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "out/lock").exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143 and "Traceback" not in said, said
    assert said.splitlines()[-1].startswith("manyhot: stopped by SIGTERM; the same command ")
    assert not (folder / "out").exists()


def test_a_signal_that_is_to_be_ignored_stays_ignored(folder: Path) -> None:
    """As nohup and shells without jobs have it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert signalled(folder, signal.SIGINT, 14).returncode == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("where", ["a closed pipe", "/dev/full"])
def test_nobody_needs_to_read_what_is_said(folder: Path, where: str) -> None:
    command = [*COMMAND, "train", "apps.toml", "--out", "out"]
    if where == "/dev/full":
        with Path(where).open("w") as full:
            done = subprocess.run(command, cwd=folder, stderr=full, stdout=subprocess.DEVNULL).returncode
    else:
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(command, cwd=folder, stderr=write, stdout=subprocess.DEVNULL).returncode
        os.close(write)
    assert done == 0
    assert (folder / "out/model.manyhot").exists()


def test_names_in_brackets_are_no_markup(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("train", "valid"):
        table = pq.read_table(folder / f"{name}.parquet")
        pq.write_table(table.append_column("[/a]", pa.array(table["clicked"])), folder / f"{name}.parquet")
    text = (folder / "apps.toml").read_text()
    (folder / "apps.toml").write_text(text.replace('label = "clicked"', 'labels = ["clicked", "[/a]"]'))
    done = manyhot("train", "apps.toml", "--out", "out", cwd=folder)
    assert done.returncode == 0 and "[/a]" in done.stderr


def test_a_log_that_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    told: list[str] = []
    start = {"event": "start", "step": 0, "looks": 0}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TrainingLog(tmp_path / "log.jsonl", told.append) as log:
        log(start)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "log.jsonl").stat().st_size + 9, hard))
        try:
            for step in (1, 2):
                log({"event": "progress", "step": step, "loss": math.nan})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert log_of(tmp_path) == [start], "half a line"
        log({"event": "progress", "step": 3, "loss": 0.5})
    assert len(told) == 1 and "File too large" in told[0] and "training goes on" in told[0]
    assert [report["step"] for report in log_of(tmp_path)] == [0, 1, 2, 3]
    assert log_of(tmp_path)[1]["loss"] is None
    text = (tmp_path / "log.jsonl").read_text()
    assert all(json.loads(line, parse_constant=pytest.fail) for line in text.splitlines())
