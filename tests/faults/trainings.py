"""Experiments whose training takes about a second, and real `manyhot train` children that are killed and go on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open

__all__ = ["EXPERIMENTS", "Experiment", "Server", "await_moment", "running", "scene", "send"]

CHILD = Path(__file__).with_name("audited_child.py")
ROWS, VALID_ROWS = 2_000, 500

_DATA = """
[data]
train = "train.parquet"
valid = "valid.parquet"
label = "clicked"
group = "user"
[vocabularies.app]
[fields.apps]
vocabulary = "app"
separators = { pair = ",", weight = ":" }
[fields.candidate]
vocabulary = "app"
[fields.age]
numeric = ["log1p", "minmax"]
[training.checkpoints]
minutes = 0
"""
EXPERIMENTS = {
    # Everything that has a state: both optimizers, averages, best weights, plateau, dropout, batch norm.
    "deepfm": """
[model]
name = "deepfm"
embedding_dim = 4
hidden_units = [16, 8]
dropout = 0.2
batch_norm = true
[training]
batch_size = 32
epochs = 3
threads = 1
validate_every = 25
clip_norm = 1.0
averaging = { decay = 0.95 }
early_stopping = { metric = "auc", patience = 100 }
schedule = { kind = "plateau", patience = 3 }
calibration = "platt"
""",
    "fm by ftrl": """
[model]
name = "fm"
embedding_dim = 4
[training]
batch_size = 32
epochs = 4
threads = 1
tables = { optimizer = "rowwise_adagrad" }
linear_tables = { optimizer = "ftrl", l1 = 0.01 }
dense = { optimizer = "ftrl" }
early_stopping = { patience = 100 }
""",
    "groups": """
[model]
name = "deepfm"
embedding_dim = 4
hidden_units = [16]
[training]
batch_size = 32
epochs = 4
threads = 1
averaging = { decay = 0.9 }
schedule = { kind = "cosine", warm_up_steps = 20 }
[training.loss]
kind = "bpr"
""",
}


@dataclass
class Experiment:
    """A prepared one. metrics, tensors, state: of the training without a fault; seconds: that it took;
    record_size: bytes of its record of rows."""

    name: str
    folder: Path
    metrics: dict[str, Any]
    tensors: dict[str, bytes]
    state: dict[str, Any]
    seconds: float
    record_size: int

    def arguments(self, out: Path) -> list[str]:
        """Of `manyhot`, in the folder of the experiment."""
        return ["train", f"{self.name}.toml", "--prepared", "prepared", "--out", str(out)]

    def check(self, out: Path, audit: Path) -> None:
        """Raises AssertionError where what a training left is not what the one without a fault left."""
        assert _timeless(out / "metrics.json") == self.metrics, "other metrics"
        assert _tensors(out / "model.manyhot") == self.tensors, "another model file"
        state = json.loads((audit / "state.json").read_text())
        differing = [name for name, of in self.state["arrays"].items() if state["arrays"].get(name) != of]
        assert state == self.state, f"another state: {state['values']}, {differing}"
        check_rows(audit)
        left = sorted(path.name for path in out.iterdir())
        assert left == ["log.jsonl", "metrics.json", "model.manyhot"], f"left behind: {left}"
        check_log(out / "log.jsonl")


class Server:
    """Starts children; use it in a `with`. Each must be asked for its status."""

    def __enter__(self) -> Server:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(self, experiment: Experiment, out: Path, audit: Path) -> int:
        """A training; its pid."""
        return self.command(experiment.folder, audit, *experiment.arguments(out))

    def command(self, folder: Path, audit: Path, *arguments: str) -> int:
        """`manyhot` in this folder; its pid. What it says lies in audit/said."""
        audit.mkdir(exist_ok=True)
        return self._ask(audit=str(audit), cwd=str(folder), arguments=arguments, said=str(audit / "said"))

    def status(self, pid: int) -> int:
        """Of the child, when it is over: as in subprocess, the negative number of the signal that killed it."""
        return self._ask(wait=pid)

    def finish(self, experiment: Experiment, out: Path, audit: Path) -> None:
        """Runs a training to its end, which must be a good one."""
        status = self.status(self.start(experiment, out, audit))
        assert status == 0, f"exit code {status}: {(audit / 'said').read_text()[-2000:]}"

    def _ask(self, **job: Any) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextlib.contextmanager
def scene(names: Sequence[str]) -> Iterator[tuple[Server, list[Experiment]]]:
    """What starts children, and these experiments, each trained once without a fault."""
    with tempfile.TemporaryDirectory() as path, Server() as server:
        folder = Path(path)
        for seed, name in enumerate(("train", "valid")):
            pq.write_table(_rows(seed, (ROWS, VALID_ROWS)[seed]), folder / f"{name}.parquet")
        for name in names:
            (folder / f"{name}.toml").write_text(EXPERIMENTS[name] + _DATA)
        command = "prepare", f"{names[0]}.toml", "--out", "prepared"
        assert server.status(server.command(folder, folder / "preparing", *command)) == 0
        yield server, [_without_a_fault(server, folder, name) for name in names]


def _without_a_fault(server: Server, folder: Path, name: str) -> Experiment:
    experiment = Experiment(name, folder, {}, {}, {}, 0.0, 0)
    out, audit = folder / f"{name} out", folder / f"{name} audit"
    began = time.monotonic()
    server.finish(experiment, out, audit)
    experiment.seconds = time.monotonic() - began
    experiment.metrics, experiment.tensors = _timeless(out / "metrics.json"), _tensors(out / "model.manyhot")
    experiment.state = json.loads((audit / "state.json").read_text())
    experiment.record_size = next(audit.glob("rows-*")).stat().st_size
    experiment.check(out, audit)
    return experiment


def send(pid: int, which: signal.Signals = signal.SIGKILL) -> None:
    """A signal; nothing happens where the child is over."""
    os.kill(pid, which)


def await_moment(experiment: Experiment, pid: int, audit: Path, rng: random.Random) -> None:
    """Waits for a random moment of a child just started: four times of five in the midst of its steps, by their number;
    else any time from its start on."""
    until = time.monotonic() + rng.random() * experiment.seconds
    record, share = audit / f"rows-{pid}", rng.random()
    if rng.random() < 0.8:
        until = time.monotonic() + 60
        while time.monotonic() < until and running(pid):
            with contextlib.suppress(FileNotFoundError):
                if record.stat().st_size > share * experiment.record_size:
                    break
            time.sleep(0.002)
        until = time.monotonic() + rng.random() * 0.005
    time.sleep(max(0.0, until - time.monotonic()))


def running(pid: int) -> bool:
    """Whether the child is not over; it is there until it was asked for its status."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def check_rows(audit: Path) -> None:
    """In each epoch every row was learned from once: of the steps that were taken twice, since a checkpoint came before
    the fault, the last time counts."""
    steps: dict[int, tuple[int, Any]] = {}
    for path in sorted(audit.glob("rows-*"), key=lambda path: path.stat().st_mtime_ns):
        record, at = np.fromfile(path, np.int64), 0
        while at < len(record):
            step, epoch, num = record[at : at + 3].tolist()
            steps[step] = epoch, record[at + 3 : at + 3 + num]
            at += 3 + num
    assert sorted(steps) == list(range(1, len(steps) + 1)), "a step is missing"
    by_epoch: dict[int, list[Any]] = {}
    for epoch, rows in steps.values():
        by_epoch.setdefault(epoch, []).append(rows)
    for epoch, parts in by_epoch.items():
        seen = np.sort(np.concatenate(parts))
        assert np.array_equal(seen, np.arange(ROWS)), f"epoch {epoch} has {len(seen)} rows, distinct {len(set(seen))}"


def check_log(path: Path) -> None:
    """One start, one end, steps in order, each validation once."""
    reports = [json.loads(line) for line in path.read_text().splitlines()]
    events = [report["event"] for report in reports]
    assert events[0] == "start" and events[-1] == "end" and events.count("start") == events.count("end") == 1
    looks = [report["step"] for report in reports if report["event"] == "valid"]
    assert looks == sorted(set(looks)), f"validations after steps {looks}"
    steps = [report["step"] for report in reports[1:-1]]
    assert steps == sorted(steps), "steps out of order"


def _rows(seed: int, count: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    bags = [rng.choice(40, rng.integers(0, 5), replace=False) for _ in range(count)]
    candidates = rng.integers(0, 40, count)
    return pa.table(
        {
            "apps": [",".join(f"app{i}:{0.5 + i / 40}" for i in bag) for bag in bags],
            "candidate": [f"app{i}" for i in candidates],
            "age": rng.integers(15, 70, count),
            "user": rng.integers(0, count // 8, count),
            "clicked": (rng.random(count) < np.where(candidates < 20, 0.7, 0.2)).astype(np.int8),
        }
    )


def _timeless(path: Path) -> dict[str, Any]:
    """Metrics without how long it took."""
    metrics = json.loads(path.read_text())
    return {key: value for key, value in metrics.items() if "second" not in key}


def _tensors(path: Path) -> dict[str, bytes]:
    """Of a model file, as bytes, and its header without how long it took."""
    with safe_open(path, "numpy") as file:
        header = json.loads(file.metadata()["manyhot"])
        for key in ("seconds", "examples_per_second"):
            header["summary"]["metrics"].pop(key, None)
        tensors = {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}
    del tensors["checksum"]  # which covers the time, too
    return tensors | {"header": json.dumps(header).encode()}
