"""Training killed at any moment goes on as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from trainings import EXPERIMENTS, Experiment, Server, await_moment, running, scene, send

PROMISE = "SIGKILL at random moments of training, a third of them while a checkpoint is written; resume"
LONG = 200


def run(num: int) -> str:
    """num trainings, each killed once or more."""
    with scene(list(EXPERIMENTS)) as (server, experiments):
        return trials(num, server, experiments)


def trials(num: int, server: Server, experiments: list[Experiment], seed: int = 1) -> str:
    """The same on a scene that is there."""
    rng = random.Random(seed)
    kills = inside = 0
    for number in range(num):
        experiment = experiments[number % len(experiments)]
        out, audit = (experiment.folder / f"killed {number} {what}" for what in ("out", "audit"))
        in_writing = number // len(experiments) % 3 == 0
        of_this = 0
        while not of_this or rng.random() < 0.25:  # killed once, and one in four times again
            killed, was_inside = _kill(server, experiment, out, audit, rng, in_writing)
            of_this, inside = of_this + killed, inside + was_inside
            if not killed:  # it had come to its end: anew, or well enough
                if of_this:
                    break
                shutil.rmtree(out)
                shutil.rmtree(audit)
        kills += of_this
        if killed:
            server.finish(experiment, out, audit)
        try:
            experiment.check(out, audit)
        except AssertionError as error:
            raise AssertionError(f"training {number} ({experiment.name}, seed {seed}): {error}") from None
    assert inside or num < 6, "no kill hit a checkpoint being written"
    return (
        f"{num} of {num} bit-identical (weights, all optimizer and random state, metrics), every row once an epoch; "
        f"{kills} kills, {inside} of them in the middle of a checkpoint"
    )


def _kill(
    server: Server, experiment: Experiment, out: Path, audit: Path, rng: random.Random, in_writing: bool
) -> tuple[bool, bool]:
    """Starts one and kills it; whether that came before its end, and whether a checkpoint was being written."""
    pid = server.start(experiment, out, audit)
    await_moment(experiment, pid, audit, rng)
    if in_writing:
        while not any((out / "checkpoints").glob("*.tmp")) and running(pid):
            time.sleep(0.0005)
        time.sleep(rng.random() * 0.01)
    send(pid)
    status = server.status(pid)
    assert status in (0, -9), f"exit code {status}: {(audit / 'said').read_text()[-2000:]}"
    return status == -9, status == -9 and any((out / "checkpoints").glob("*.tmp"))
