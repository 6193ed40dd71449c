"""The machine dies while a checkpoint or a model file is written: what was not synced is lost, reordered or torn."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from checkpoint_scenes import LEFTOVER, MEMORY, step_found, write
from crash_states import Recording, Tree
from system_calls import begin, in_child, preloaded

from manyhot.storage import whole_file, whole_folder

PROMISE = "unsynced writes dropped, reordered and torn under checkpoints and model files: the old or the new, whole"
LONG = 50_000

_STEPS = (1, 2, 3, 4)
_NEXT = 5


@dataclass(frozen=True)
class Program:
    """write: writes a step below a folder; found: the step that is there, AssertionError where it is damaged."""

    name: str
    write: Callable[[Path, int], None]
    found: Callable[[Path], int | None]


def _text(step: int) -> bytes:
    return random.Random(step).randbytes(3_000 + step)


def _write_file(top: Path, step: int) -> None:
    with whole_file(top / "run" / "model") as part:
        part.write_bytes(_text(step))


def _file_found(top: Path) -> int | None:
    path = top / "run" / "model"
    return _step_of(path.read_bytes()) if path.exists() else None


def _write_folder(top: Path, step: int) -> None:
    with whole_folder(top / f"prepared-{step}") as part:
        (part / "below").mkdir()
        (part / "below" / "rows").write_bytes(_text(step))


def _folder_found(top: Path) -> int | None:
    steps = [int(path.name.partition("-")[2]) for path in top.iterdir() if "." not in path.name]
    for step in steps:
        assert _step_of((top / f"prepared-{step}" / "below" / "rows").read_bytes()) == step
    return max(steps, default=None)


def _step_of(data: bytes) -> int:
    steps = [step for step in (*_STEPS, _NEXT) if _text(step) == data]
    assert steps, "the file is damaged"
    return steps[0]


def _write_checkpoint(top: Path, step: int) -> None:
    folder = top / "run" / "checkpoints"
    if step == 2:
        (folder / LEFTOVER).mkdir()
        (folder / LEFTOVER / "arrays").write_bytes(b"half")
    write(folder, step)


def _checkpoint_found(top: Path) -> int | None:
    return step_found(top / "run" / "checkpoints")


PROGRAMS = (
    Program("checkpoints", _write_checkpoint, _checkpoint_found),
    Program("a model file", _write_file, _file_found),
    Program("folders of rows", _write_folder, _folder_found),
)


def run(num: int) -> str:
    return preloaded(__file__, "states", num)


def run_without_syncs(num: int) -> str:
    """That each sync is needed: without any one of them a state is found, among at most `num`, that is not valid."""
    return preloaded(__file__, "syncs", num)


def states(num: int) -> None:
    figures = []
    for program, share in zip(PROGRAMS, (0.8, 0.1, 0.1), strict=True):
        num_states, broken = explored(program, recorded(program), round(num * share))
        assert broken is None, f"{program.name}: {broken}"
        figures.append(f"{num_states:,} of {program.name}")
    print(f"states of the disk: {', '.join(figures)}: each the old or the new, whole, and followed by another")


def recorded(program: Program) -> Recording:
    """The calls of a process that writes four steps."""
    with tempfile.TemporaryDirectory() as name:
        top, log = Path(name) / "top", Path(name) / "log"
        top.mkdir()
        recording = Recording.of(top)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        in_child(lambda: _write_all(program, top, descriptor))
        os.close(descriptor)
        recording.read(log.read_text())
    return recording


def _write_all(program: Program, top: Path, log: int) -> None:
    begin(top, log=log)
    for step in _STEPS:
        program.write(top, step)
        os.write(log, f"done\t{step}\n".encode())


def explored(program: Program, recording: Recording, num: int) -> tuple[int, str | None]:
    """How many different states were opened, at most `num`, and what was wrong with the first that was not valid."""
    states: set[bytes] = set()
    tried: set[tuple[bytes, int]] = set()  # a state that is valid before a step was written may not be afterwards
    chance = random.Random(0)
    for trial in range(20 * num):
        if len(states) == num:
            break
        num_calls = trial % (len(recording.calls) + 1)
        tree, done = recording.state(num_calls, chance), recording.done(num_calls)
        key = _key(tree)
        states.add(key)
        if (key, done) not in tried:
            tried.add((key, done))
            try:
                _assert_valid(program, tree, done)
            except (AssertionError, OSError) as error:
                return len(states), f"after call {num_calls} of {len(recording.calls)}: {error}"
    return len(states), None


def _assert_valid(program: Program, tree: Tree, done: int) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        for path, data in tree.items():
            if data is None:
                (Path(name) / path).mkdir()
            else:
                (Path(name) / path).write_bytes(data)
        found = program.found(Path(name)) or 0
        assert found in (done, done + 1), f"step {done} was written, step {found} found"
        program.write(Path(name), _NEXT)
        assert program.found(Path(name)) == _NEXT, "what comes next is not found"


def syncs(num: int) -> None:
    """Prints how many there are."""
    num_syncs = 0
    for program in PROGRAMS:
        recording = recorded(program)
        for i, call in enumerate(recording.calls):
            if call.kind == "sync":
                without = replace(recording, calls=recording.calls[:i] + recording.calls[i + 1 :])
                _, broken = explored(program, without, num)
                assert broken, f"{program.name}: nothing is lost without call {i}, {call}"
                num_syncs += 1
    print(num_syncs)


def _key(tree: Tree) -> bytes:
    digest = hashlib.sha256()
    for path, data in tree.items():
        digest.update(f"{path}\0{-1 if data is None else len(data)}\0".encode() + (data or b""))
    return digest.digest()


if __name__ == "__main__":
    {"states": states, "syncs": syncs}[sys.argv[1]](int(sys.argv[2]))
