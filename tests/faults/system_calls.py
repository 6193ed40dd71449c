"""System calls that are recorded, refused, or are where a process is killed: real calls, real files, real errors.

A module of this folder that needs them calls `preloaded(__file__, num)`: that starts itself in a process into which
system_calls.c, compiled by the machine's C compiler, is loaded before the C library. There `in_child` forks a process
for each trial (importing anew would take a hundred times as long), and the trial calls `begin`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

__all__ = ["HALFWAY", "KILL", "begin", "count", "end", "in_child", "preloaded", "why_not"]

KILL, HALFWAY = -1, -2
_SOURCE = Path(__file__).with_name("system_calls.c")


def why_not() -> str:
    """Why this machine cannot do it; empty where it can."""
    return "" if shutil.which("cc") else "needs a C compiler (cc)"


@functools.cache
def _library() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="system-calls-")
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", f"{folder.name}/preload.so"]
    subprocess.run([*command, str(_SOURCE), "-ldl"], check=True)
    return folder


def preloaded(program: str, *arguments: object, under: tuple[str, ...] = ()) -> str:
    """What the program printed. under: a command in front of it. Raises AssertionError where it failed."""
    environment = os.environ | {"LD_PRELOAD": f"{_library().name}/preload.so", "OMP_NUM_THREADS": "1"}
    command = [*under, sys.executable, program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.strip()[-3000:]
    return done.stdout.strip()


def begin(below: Path, *, log: int = -1, at: int = 0, act: int = 0, for_ever: bool = False, room: int = -1) -> None:
    """From now on, in this process, calls on files below the folder are counted.

    log: a descriptor to record them on; at: the call, from 1, that is refused with the errno `act`, or in which the
    process is killed (KILL, before it; HALFWAY, a write half done); for_ever: and all calls after it, but close and
    delete; room: so many bytes are written, then the disk is full.
    """
    ctypes.CDLL(None).system_calls_begin(
        os.fsencode(below), log, ctypes.c_long(at), act, int(for_ever), ctypes.c_long(room)
    )


def end() -> None:
    """Nothing is counted or refused any more."""
    ctypes.CDLL(None).system_calls_begin(b"", -1, ctypes.c_long(0), 0, 0, ctypes.c_long(-1))


def count() -> int:
    """The calls since `begin`."""
    ctypes.CDLL(None).system_calls_count.restype = ctypes.c_long
    return int(ctypes.CDLL(None).system_calls_count())


def in_child(work: Callable[[], object]) -> bool:
    """Forks a process that does the work; whether it was killed. Raises AssertionError where it failed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:  # nothing may leave this block: behind it the parent's work would begin once more
            end()
            if code:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, f"the child died of signal {os.WTERMSIG(status)}"
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed, see above"
    return False
