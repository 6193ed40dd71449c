"""SIGTERM and SIGINT: a checkpoint and the end, quickly."""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from trainings import EXPERIMENTS, Experiment, Server, await_moment, scene, send

PROMISE = "SIGTERM or SIGINT at random moments: a checkpoint, the end within 5 s, and training goes on from there"
LONG = 60
BOUND = 5.0


def run(num: int) -> str:
    """num trainings, each stopped once."""
    with scene(list(EXPERIMENTS)) as (server, experiments):
        return trials(num, server, experiments)


def trials(num: int, server: Server, experiments: list[Experiment], seed: int = 1, bound: float = BOUND) -> str:
    """The same on a scene that is there."""
    rng = random.Random(seed)
    longest, stopped, at_steps = 0.0, 0, 0
    for number in range(num):
        experiment = experiments[number % len(experiments)]
        out, audit = (experiment.folder / f"signalled {number} {what}" for what in ("out", "audit"))
        which = (signal.SIGTERM, signal.SIGINT)[number % 2]
        try:
            seconds, with_checkpoint = _stop(server, experiment, out, audit, which, rng)
            if seconds is not None:
                stopped, at_steps = stopped + 1, at_steps + with_checkpoint
                longest = max(longest, seconds)
                assert seconds <= bound, f"left after {seconds:.1f} s"
                server.finish(experiment, out, audit)
            experiment.check(out, audit)
        except AssertionError as error:
            raise AssertionError(f"training {number} ({experiment.name}, seed {seed}): {error}") from None
    return (
        f"{stopped} of {num} stopped before their end, {at_steps} between two steps; the slowest left after "
        f"{longest:.1f} s; all {num} with the same bits in the end"
    )


def _stop(
    server: Server, experiment: Experiment, out: Path, audit: Path, which: signal.Signals, rng: random.Random
) -> tuple[float | None, bool]:
    """Starts one and stops it; how long it took to leave (None: it was over before), and whether with a checkpoint."""
    pid = server.start(experiment, out, audit)
    await_moment(experiment, pid, audit, rng)
    send(pid, which)
    began = time.monotonic()
    status = server.status(pid)
    seconds = time.monotonic() - began
    said = (audit / "said").read_text()
    if status == 0:
        return None, False
    if status < 0:  # the interpreter was not yet there to take it
        assert not out.exists(), f"killed by {-status} after {said}"
        return seconds, False
    assert status == 128 + which, f"exit code {status}: {said[-2000:]}"
    assert "Traceback" not in said, said
    assert which.name in said.splitlines()[-1], f"said {said[-300:]}"
    there = list((out / "checkpoints").glob("step-*")) if out.exists() else []
    asked_in_steps = " after step " in said.splitlines()[-1]
    assert there or not asked_in_steps, f"no checkpoint, and said {said[-300:]}"
    assert not list(out.rglob("*.tmp")), f"half-written: {list(out.rglob('*.tmp'))}"
    return seconds, asked_in_steps
