"""What killed writers leave goes with the next write; what living ones are at stays. Writers are real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manyhot.storage import _whole, sweep, whole_file, whole_folder

Write = Callable[[Path, str], None]

_WRITER = """
import pathlib, sys, time
from manyhot.storage import {kind}
with {kind}(pathlib.Path(sys.argv[1])) as part:
    (part if part.is_file() else part / "rows").write_text("half")
    print("at it", flush=True)
    time.sleep(60)
"""
_MANY = """
import pathlib, sys, time
from manyhot.storage import {kind}
until = time.monotonic() + 1.5
while time.monotonic() < until:
    with {kind}(pathlib.Path(sys.argv[1])) as part:
        (part if part.is_file() else part / "rows").write_text("whole")
"""


def _write_file(path: Path, text: str) -> None:
    with whole_file(path) as part:
        part.write_text(text)


def _write_folder(path: Path, text: str) -> None:
    with whole_folder(path) as part:
        (part / "rows").write_text(text)


BOTH = pytest.mark.parametrize(
    ("kind", "write"), [("whole_file", _write_file), ("whole_folder", _write_folder)], ids=["file", "folder"]
)


@contextlib.contextmanager
def writer(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the midst of writing; killed at the end."""
    command = [sys.executable, "-c", _WRITER.format(kind=kind), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at it\n"
        try:
            yield process
        finally:
            process.kill()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@BOTH
def test_a_killed_writers_goes_with_the_next_write_and_a_living_ones_stays(
    tmp_path: Path, kind: str, write: Write
) -> None:
    path = tmp_path / "model"
    with writer(kind, path) as dead, writer(kind, path):
        dead.kill()
        dead.wait()
        assert len(names(tmp_path)) == 2
        write(path, "whole")
        left = names(tmp_path)
        assert left[0] == "model" and len(left) == 2, left
    write(path, "whole again")
    assert names(tmp_path) == ["model"]


@BOTH
def test_a_child_holds_nothing_on_for_a_dead_parent(tmp_path: Path, kind: str, write: Write) -> None:
    program = _WRITER.format(kind=kind).replace(
        "print(", "import os\n    child = os.fork() or time.sleep(60)\n    print(child, "
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline().split()[0])
        parent.kill()
        try:
            parent.wait()
            write(tmp_path / "model", "whole")
            assert names(tmp_path) == ["model"]
            os.kill(child, 0)  # it was there all the time
        finally:
            os.kill(child, signal.SIGKILL)


@BOTH
def test_of_other_names_nothing_goes(tmp_path: Path, kind: str, write: Write) -> None:
    with writer(kind, tmp_path / "model"):
        pass
    others = names(tmp_path)
    (tmp_path / "other.0123456789abcdef.tmp").mkdir()
    (tmp_path / "model.old.tmp").write_text("the user's own")
    (tmp_path / "model.0123456789abcdef.tmp").symlink_to(tmp_path / "model.old.tmp")
    write(tmp_path / "another", "whole")
    assert set(others) < set(names(tmp_path))
    write(tmp_path / "model", "whole")
    assert names(tmp_path) == [
        "another", "model", "model.0123456789abcdef.tmp", "model.old.tmp", "other.0123456789abcdef.tmp"
    ]  # fmt: skip
    sweep(tmp_path)
    assert names(tmp_path) == ["another", "model", "model.0123456789abcdef.tmp", "model.old.tmp"]
    assert (tmp_path / "model.old.tmp").read_text() == "the user's own"


def test_sweeping_takes_no_folder_from_its_maker(tmp_path: Path) -> None:
    """Not even between its making and its locking."""
    program = """
import pathlib, sys, time
from manyhot.storage import sweep
while True:
    sweep(pathlib.Path(sys.argv[1]))
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) as sweeper:
        command = [sys.executable, "-c", _MANY.format(kind="whole_folder"), str(tmp_path / "rows")]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        sweeper.kill()
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["rows"]


def test_a_folder_interrupted_when_it_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_folder(tmp_path / "rows", "old")

    def interrupted(descriptor: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "rows") as part:
        (part / "rows").write_text("new")
        monkeypatch.setattr(_whole, "_sync_below", lambda part: None)
        monkeypatch.setattr(_whole, "sync_folder", interrupted)
    assert names(tmp_path) == ["rows"]
    assert (tmp_path / "rows" / "rows").read_text() == "new"


def test_many_at_once_write_one_file(tmp_path: Path) -> None:
    """Each sweeps while the others make, lock and rename: nobody's file is taken away, and none stays."""
    command = [sys.executable, "-c", _MANY.format(kind="whole_file"), str(tmp_path / "model")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model").read_text() == "whole"


def test_a_folder_that_is_not_there_is_no_matter(tmp_path: Path) -> None:
    sweep(tmp_path / "absent")
    sweep(tmp_path / "absent", "model")
    assert names(tmp_path) == []
