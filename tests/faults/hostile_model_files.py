"""Files from strangers, loaded, scored and trained from under an audit hook: nothing is run, nothing else is opened."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_files import CANARY, hostile_files

PROMISE = (
    "Hostile model files (pickles, archives, bombs, links, devices, wrong offsets, Arrow attacks; most under a right "
    "checksum), loaded, scored and trained from under an audit hook: nothing is run, and no other file opened"
)
LONG = 200

GOOD = max((Path(__file__).parents[1] / "model_file" / "released").glob("*/deepfm.manyhot"))
_MOST_SECONDS, _MOST_IF_BUSY, _MOST_BYTES = 0.1, 2.0, 64 * 2**20
_SETTINGS = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_RUNNING = ("exec", "compile", "import", "marshal.loads", "marshal.load", "code.__new__", "os.system", "os.exec")
_REACHING = (
    "pickle.",
    "socket.",
    "subprocess.",
    "ctypes.",
    "shutil.",
    "tempfile.",
    "urllib.",
    "pty.",
    "os.spawn",
    "os.fork",
)
# Asked whether a model fits into memory, before any of it is read.
_ASKED = re.compile(r"/proc/(meminfo|self/cgroup)|/sys/fs/cgroup/(.+/)?memory\.(max|current|stat)")  # how much is free
_ROWS = {"active": [["app1"]], "days": [[0.5]], "gone": ["app1:0.5"], "city": ["city 1"], "age": [30]}


def run(num: int) -> str:
    """All of the files where num is 200, of which there are more; else that many of them."""
    with tempfile.TemporaryDirectory() as folder:
        here, settings = Path(__file__).parent, {**os.environ, **_SETTINGS}
        command = [sys.executable, __file__, folder, str(num)]
        done = subprocess.run(command, env=settings, cwd=here, capture_output=True, text=True, check=False)
        place = Path(folder) / "trial"
        at = place.read_text() if place.exists() else "the start"
    assert done.returncode == 0, f"{at}: exit code {done.returncode}\n{done.stderr[-3000:]}"
    found = json.loads(done.stdout)
    assert found["files"] >= num, f"there are {found['files']} files"
    return (
        f"{found['files'] - len(found['harmless'])} of {found['files']} files refused by load, score and train, in at "
        f"most {found['slowest'] * 1000:.0f} ms and 64 MiB, the others score as what they were made from; "
        f"{found['opened']:,} opens, all of the named file; no pickle, exec, import, socket or process"
    )


class Watch:
    """An audit hook: what is forbidden, and the files that are opened. It can be turned off, not taken away."""

    def __init__(self) -> None:
        self.forbidden: list[str] = []
        self.opened: list[str] = []
        self._on = False
        sys.addaudithook(self._hear)

    def during(self, task: Callable[[], str]) -> str:
        self.forbidden, self.opened, self._on = [], [], True
        try:
            return task()
        finally:
            self._on = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            if not isinstance(arguments[0], int):  # a number is what open gave for a path
                self.opened.append(os.fspath(arguments[0]))
        elif event in ("exec", "compile") and _is_of_typing():
            return  # annotations of our own code
        elif event in _RUNNING or event.startswith(_REACHING):
            self.forbidden.append(f"{event} {arguments!r:.200}")


def _is_of_typing() -> bool:
    frame = sys._getframe(2)
    return frame is not None and frame.f_code.co_filename.endswith("/typing.py")


def _child(folder: Path, num: int) -> dict[str, Any]:
    for _, task in _tasks(GOOD):
        said = task()  # what they import lazily is there then
        assert said == "", said
    watch, files, opened, slowest, harmless = Watch(), 0, 0, 0.0, set()
    made = folder / "made"
    made.mkdir()
    hostile = hostile_files(made, GOOD)
    with (folder / "trial").open("w") as trial:
        for number, (name, path) in enumerate(hostile):
            if num < LONG and number % (LONG // num):
                continue
            files += 1
            if files == 1:  # all of them are in memory now; asking for much more is noticed below
                resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + _MOST_BYTES, resource.RLIM_INFINITY))
            for kind, task in _tasks(path):
                trial.seek(0)
                trial.truncate()
                trial.write(f"{kind} of {name}")
                trial.flush()
                before, fds = sorted(made.iterdir()), _num_open()
                started = time.perf_counter()
                said = watch.during(task)
                seconds = time.perf_counter() - started
                used = _MOST_SECONDS + 1
                for _ in range(5):  # other processes may have had the processor
                    if seconds > _MOST_SECONDS and kind != "train":
                        started, before_it = time.perf_counter(), time.process_time()
                        task()
                        seconds = min(seconds, time.perf_counter() - started)
                        used = min(used, time.process_time() - before_it)
                if _MOST_SECONDS < seconds < _MOST_IF_BUSY and kind != "train":
                    seconds = used
                assert not watch.forbidden, watch.forbidden
                others = [each for each in watch.opened if each != str(path) and not _ASKED.fullmatch(each)]
                assert not others, f"opened {others}"
                if said == "" and name.startswith(
                    "note: "
                ):  # what it says changes nothing, as a scale of first weights
                    harmless.add(name)
                    continue
                assert str(path) in said and said.isprintable() and len(said) < 1000, f"said {said!r:.1500}"
                assert not any(word in said for word in ("memory", "alloc")), said
                # Training also sets up what it is for.
                assert kind == "train" or seconds <= _MOST_SECONDS, f"took {seconds:.3f} s: {said}"
                assert sorted(made.iterdir()) == before and not (made / CANARY).exists()
                assert _num_open() == fds, "a file stays open"
                slowest, opened = (
                    max(slowest, seconds if kind != "train" else 0),
                    opened + watch.opened.count(str(path)),
                )
    return {"files": files, "opened": opened, "slowest": slowest, "harmless": sorted(harmless)}


def _data_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData:"))


def _num_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _tasks(path: Path) -> list[tuple[str, Callable[[], str]]]:
    """Load, score and train from it; each gives the sentence of its refusal, nothing where it is not refused."""
    import manyhot
    from manyhot.errors import ManyhotError
    from manyhot.schema import DeepFM, Field, Schema, TrainingConfig, Vocabulary
    from manyhot.training import train

    schema = Schema(label="clicked", fields=[Field("active", Vocabulary("app"))])
    rows = {"active": [["app1"], ["app2"]], "clicked": [0, 1]}

    def refusal(task: Callable[[], object]) -> str:
        try:
            task()
        except ManyhotError as error:
            return str(error)
        return ""

    training = TrainingConfig(init_from=str(path), epochs=1, threads=1)
    model = DeepFM(embedding_dim=2, hidden_units=[2])
    return [
        ("load", lambda: refusal(lambda: manyhot.load(path))),
        ("score", lambda: refusal(lambda: manyhot.load(path).score(_ROWS))),
        ("train", lambda: refusal(lambda: train(schema, model, train=rows, training=training))),
    ]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps(_child(Path(sys.argv[1]), int(sys.argv[2]))))
