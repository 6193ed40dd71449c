"""`manyhot` with a record of what training did, as a program of its own or as children forked from one process.

    python audited_child.py AUDIT manyhot arguments...     one command
    python audited_child.py                                a server: to a line {"audit", "cwd", "arguments", "said"} it
                                                           forks and answers the child's pid, to a line {"wait": pid}
                                                           the status of the child, when it is over

The server has imported what the command needs, so that a child starts at once; it has no thread, and forks are safe.
In the folder AUDIT each process leaves rows-<pid>: for each step its number, its epoch and the rows learned from, as
int64, written before the step; and, when the steps are over, state.json: hashes of all that a checkpoint would hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import manyhot.cli.train  # noqa: F401  the command imports it anyway
from manyhot.cli import main
from manyhot.data import Loader
from manyhot.training import Learner
from manyhot.training._loop import _Loop
from manyhot.training._state import state_of


def watch(audit: Path) -> None:
    """Wraps the loader, a step and the loop of this process; changes nothing that they do."""
    pieces_of, epoch_of, learn, run = Loader._pieces, Loader.epoch, Learner.learn, _Loop.run
    record = os.open(audit / f"rows-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    drawn: list[Any] = []
    now: dict[str, Any] = {}

    def pieces(loader: Loader, epoch: int) -> Iterator[Any]:
        for rows in pieces_of(loader, epoch):
            if loader._shuffle_seed is not None:
                drawn.append(rows)
            yield rows

    def epoch_from(loader: Loader, epoch: int = 0, first: int = 0) -> Iterator[Any]:
        if loader._shuffle_seed is None:
            yield from epoch_of(loader, epoch, first)
            return
        drawn.clear()
        for number, batch in enumerate(epoch_of(loader, epoch, first), first):
            now.update(epoch=epoch, rows=drawn[number])
            yield batch

    def learn_and_tell(learner: Learner, batch: Any, largest: float) -> Any:
        if "loop" in now:
            rows = now["rows"]
            head = [now["loop"].clock.steps + 1, now["epoch"], len(rows)]
            os.write(record, np.concatenate([head, rows]).astype(np.int64).tobytes())
        return learn(learner, batch, largest)

    def run_and_tell(loop: _Loop) -> None:
        now["loop"] = loop
        run(loop)
        values, arrays = state_of(loop.parts())
        del values["clock"]["seconds"], values["clock"]["warm"]
        hashes = {name: hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for name, array in arrays.items()}
        (audit / "state.json").write_text(json.dumps({"values": values, "arrays": hashes}))

    Loader._pieces, Loader.epoch, Learner.learn, _Loop.run = pieces, epoch_from, learn_and_tell, run_and_tell


def serve() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have it ignored
    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            said = os.open(job["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            null = os.open(os.devnull, os.O_RDONLY)
            for target, descriptor in ((0, null), (1, said), (2, said)):
                os.dup2(descriptor, target)
            os.chdir(job["cwd"])
            watch(Path(job["audit"]))
            code: object = 0
            try:
                main(job["arguments"])
            except SystemExit as stop:
                code = stop.code
            os._exit(code if isinstance(code, int) else 0)
        print(pid, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        watch(Path(sys.argv[1]))
        main(sys.argv[2:])
    else:
        serve()
