"""Two trainings on one folder: the second refuses; the folder of a killed one is free at once."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from trainings import Experiment, Server, scene, send

PROMISE = "two trainings on one folder: the second refuses; a killed owner's folder is free"
LONG = 20


def run(num: int) -> str:
    """num pairs of trainings."""
    with scene(["fm by ftrl"]) as (server, experiments):
        return trials(num, server, experiments)


def trials(num: int, server: Server, experiments: list[Experiment]) -> str:
    """The same on a scene that is there."""
    for number in range(num):
        experiment = experiments[number % len(experiments)]
        out, audit, late = (experiment.folder / f"two {number} {what}" for what in ("out", "audit", "late"))
        owner = server.start(experiment, out, audit)
        until = time.monotonic() + 60
        while not (out / "log.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.005)
        send(owner, signal.SIGSTOP)  # it holds the folder for as long as we look
        status = server.status(server.start(experiment, out, late))
        said = (late / "said").read_text()
        assert status == 2, f"the second ended with {status}: {said[-500:]}"
        sentence = said.splitlines()[-1]
        assert f"process {owner} on {socket.gethostname()}" in sentence, f"it said {sentence}"
        assert not list(late.glob("state.json")), "the second trained"
        send(owner)
        assert server.status(owner) == -9
        server.finish(experiment, out, audit)
        experiment.check(out, audit)
    return (
        f"{num} of {num} refused, naming process and host; {num} of {num} folders of killed owners taken over at once"
    )
