"""A writer of checkpoints is killed: at every named point, before and within every system call, at random moments."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from checkpoint_scenes import MEMORY, SITUATIONS, Situation, step_found, write
from system_calls import HALFWAY, KILL, begin, count, end, in_child, preloaded

PROMISE = "a checkpoint's writer killed at every named point and in every system call: a valid checkpoint, no rest"
LONG = 1_000


@dataclass(frozen=True)
class Kill:
    """at: the how many-th named point or system call, from 1."""

    situation: Situation
    kind: str
    at: int


def run(num: int) -> str:
    return preloaded(__file__, num)


def main(num: int) -> None:
    kills, points = _all_kills()
    random.Random(1).shuffle(kills)
    kills.sort(key=lambda kill: kill.kind != "point")
    killed = Counter(kill.kind for kill in kills[:num] if _killed_there(kill))
    killed["moment"] = sum(_killed_sometime(i) for i in range(num - len(kills)))
    assert killed["point"] and killed["call"] and killed["half"], killed
    print(
        f"{killed.total():,} kills in {len(SITUATIONS)} situations ({killed['point']} at the {points} named points, "
        f"{killed['call']} before a system call, {killed['half']} in the middle of a write, {killed['moment']} at any "
        "moment): always a valid checkpoint, nothing of the dead left by the next write"
    )


def _all_kills() -> tuple[list[Kill], int]:
    """At each point and call of each situation; and the number of different points."""
    kills: list[Kill] = []
    names: set[str] = set()
    for situation in SITUATIONS:
        with tempfile.TemporaryDirectory(dir=MEMORY) as top:
            folder = Path(top) / "checkpoints"
            situation.prepare(folder)
            points: list[str] = []
            begin(Path(top))
            situation.act(folder, on_point=points.append)
            calls = count()
            end()
        names |= set(points)
        kills += [Kill(situation, "point", at) for at in range(1, len(points) + 1)]
        kills += [Kill(situation, kind, at) for at in range(1, calls + 1) for kind in ("call", "half")]
    return kills, len(names)


def _killed_there(kill: Kill) -> bool:
    """Whether the child was killed: of the halves only those that are writes."""
    situation = kill.situation
    with tempfile.TemporaryDirectory(dir=MEMORY) as top:
        folder = Path(top) / "checkpoints"
        situation.prepare(folder)
        was_killed = in_child(lambda: _act_until(kill, folder))
        assert was_killed or kill.kind == "half", f"{kill}: was not killed"
        found = step_found(folder)
        assert found == situation.new or (was_killed and found == situation.old), f"{kill}: found {found}"
        _assert_goes_on(folder)
    return was_killed


def _act_until(kill: Kill, folder: Path) -> None:
    if kill.kind == "point":
        passed: list[str] = []
        kill.situation.act(folder, on_point=lambda name: _die_at(kill.at, passed, name))
    else:
        begin(folder.parent, at=kill.at, act=KILL if kill.kind == "call" else HALFWAY)
        kill.situation.act(folder)


def _die_at(at: int, passed: list[str], name: str) -> None:
    passed.append(name)
    if len(passed) == at:
        os.kill(os.getpid(), signal.SIGKILL)


def _killed_sometime(seed: int) -> bool:
    """A large checkpoint over two others, killed after 0 to 20 ms."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as top:
        folder = Path(top)
        for step in (101, 102):
            write(folder, step)
        child = os.fork()
        if child == 0:
            write(folder, 103)
            os._exit(0)
        time.sleep(random.Random(seed).random() * 0.02)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        was_killed = os.WIFSIGNALED(status)
        found = step_found(folder)
        assert found == 103 or (was_killed and found == 102), f"found {found} after a kill at a random moment ({seed})"
        _assert_goes_on(folder)
    return was_killed


def _assert_goes_on(folder: Path) -> None:
    """The dead one's lock is free, and what it left goes."""
    write(folder, 109)
    assert step_found(folder) == 109
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) <= 2 and not any("." in name or name == "lock" for name in names), names


if __name__ == "__main__":
    main(int(sys.argv[1]))
