"""Two processes want one run directory: one has it, and when it is killed another can have it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from manyhot.errors import LockedError
from manyhot.storage import RunLock

PROMISE = "two trainers on one directory: the second refuses; a dead owner's lock recovered in <= 1 s"
LONG = 300

LIMIT = 1.0
_CONTENDERS = 8


def run(num: int, limit: float = LIMIT) -> str:
    """limit: in seconds, of a recovery."""
    command = [sys.executable, __file__, str(num), str(limit)]  # forks are for processes without threads
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.strip()
    return done.stdout.strip()


def main(num: int, limit: float) -> None:
    with tempfile.TemporaryDirectory() as top:
        waits = [_recovered(Path(top), with_child=i % 3) for i in range(num)]
        taken = _contended(Path(top) / "contended", num)
    slowest = max(waits)
    assert slowest <= limit, f"recovering a lock took {slowest:.3f} s"
    print(
        f"{num} of {num} refused; {num} owners killed, two thirds of them with a child that lives on: recovered in at "
        f"most {slowest * 1000:.1f} ms; taken {taken:,} times by {_CONTENDERS} processes at once, never by two"
    )


def _recovered(folder: Path, *, with_child: int) -> float:
    """Seconds between the kill of an owner and the next one's lock. with_child: 0 none, 1 forked, 2 a program."""
    from_owner, to_parent = os.pipe()
    owner = os.fork()
    if owner == 0:
        _own(folder, with_child, to_parent)
    os.close(to_parent)
    try:
        child = int(os.read(from_owner, 20))
        for number in (signal.SIGCONT, signal.SIGSTOP):  # one that does nothing owns it no less
            os.kill(owner, number)
            _assert_refused(folder, owner)
        started = time.monotonic()
        os.kill(owner, signal.SIGKILL)
        lock = None
        while lock is None and time.monotonic() < started + 30:
            with contextlib.suppress(LockedError):
                lock = RunLock(folder)
        waited = time.monotonic() - started
        assert lock, "the dead one's lock is held on"
        lock.release()
        assert not list(folder.iterdir()), "the lock's file stays"
        return waited
    finally:
        os.kill(owner, signal.SIGKILL)
        os.waitpid(owner, 0)
        if child:
            os.kill(child, signal.SIGKILL)
        os.close(from_owner)


def _own(folder: Path, with_child: int, to_parent: int) -> None:
    """Never returns."""
    lock = RunLock(folder)
    child = 0
    if with_child == 1:
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    elif with_child == 2:
        child = subprocess.Popen(["sleep", "30"]).pid
    os.write(to_parent, str(child).encode())
    time.sleep(30)
    lock.release()
    os._exit(0)


def _assert_refused(folder: Path, owner: int) -> None:
    try:
        RunLock(folder)
    except LockedError as error:
        message = str(error)
    else:
        raise AssertionError("two own the folder")
    for word in (str(folder), f"process {owner} on {socket.gethostname()}", "stop it"):
        assert word in message, message


def _contended(folder: Path, num: int) -> int:
    """How often processes that all want the lock got it."""
    children = []
    for _ in range(_CONTENDERS):
        child = os.fork()
        if child == 0:
            os._exit(_take_often(folder, num))
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * _CONTENDERS, f"two processes had the lock at once, or one failed: {codes}"
    return num * _CONTENDERS


def _take_often(folder: Path, num: int) -> int:
    """0, or 1 where somebody else was inside, too."""
    for _ in range(num):
        while True:
            with contextlib.suppress(LockedError):
                lock = RunLock(folder)
                break
            time.sleep(0.0001)
        try:
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return 1
        (folder / "inside").unlink()
        lock.release()
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
