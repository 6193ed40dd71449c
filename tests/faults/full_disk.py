"""The disk is full, fails or is read-only, or there are no descriptors, while a checkpoint or a model file is written.

In a memory disk of its own that is filled up to the byte, where the machine allows one (unshare); and everywhere with
errors in the place of single system calls, with a real limit on descriptors, and in a folder without rights.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checkpoint_scenes import LARGE, MEMORY, SITUATIONS, Situation, step_found
from disk_faults import (
    OWN_DISKS,
    CallsRefused,
    Fault,
    FewDescriptors,
    FullDisk,
    ReadOnlyDisk,
    free_pages,
    has_memory_disk,
    no_rights,
)
from system_calls import begin, count, end, preloaded

from manyhot.errors import ModelFileError, StorageError

PROMISE = "a full disk at every offset, EIO, EROFS, EMFILE, EACCES: the last checkpoint and model whole, no stray file"
LONG = 100

_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.EACCES)


def run(num: int) -> str:
    """num: of the offsets at which the disk is full."""
    figures = [preloaded(__file__, "calls", num)]
    if has_memory_disk():
        figures.append(preloaded(__file__, "disk", num, under=OWN_DISKS))
    return "; ".join(figures) + "; 0 damaged, 0 stray files"


@dataclass(frozen=True)
class Subject:
    """What is written below a folder; found: which step is there, AssertionError where it is damaged."""

    name: str
    prepare: Callable[[Path], None]
    write: Callable[[Path], None]
    found: Callable[[Path], int | None]
    old: int | None
    new: int | None
    words: tuple[str, ...]


def _of_checkpoints(situation: Situation) -> Subject:
    words = ("free",) if situation.name != "clear" else ()
    return Subject(
        situation.name,
        situation.prepare,
        situation.act,
        step_found,
        situation.old,
        situation.new,
        ("checkpoint", *words),
    )


def _model_found(folder: Path) -> int:
    """The model of step 1 is the small one, that of step 2 no model: what was there before."""
    path = folder / "model"
    if path.read_bytes() == b"old":
        return 1
    from manyhot.model_file import load_model

    load_model(path)
    return 2


def _save(folder: Path) -> None:
    from small_models import small_model  # takes seconds, and the disk's short form has no use for it

    small_model().save(folder / "model")


def _write_old(folder: Path) -> None:
    folder.mkdir()
    (folder / "model").write_bytes(b"old")


def _subjects(situations: tuple[Situation, ...]) -> list[Subject]:
    model = Subject("a model", _write_old, _save, _model_found, 1, 2, ("cannot write",))
    return [*map(_of_checkpoints, situations), model]


def calls(num: int) -> None:
    """An error in the place of each system call, once and for ever; a disk that is full after so many bytes."""
    tried = offsets = 0
    for subject in _subjects(SITUATIONS):
        num_calls, num_bytes = _cost(subject)
        for at in range(1, num_calls + 1):
            for number in _ERRORS if num >= LONG else _ERRORS[at % len(_ERRORS) :][:1]:
                for for_ever in (False, True):
                    refusing = CallsRefused(at=at, act=number, for_ever=for_ever)
                    tried += _fails(subject, refusing, number, may_leave_lock=not for_ever, top=MEMORY)
        is_clear = subject.name == "clear"  # writes nothing but who holds the lock, and does without
        for i in range(num):
            offsets += not is_clear
            assert _fails(subject, CallsRefused(room=i * num_bytes // num), errno.ENOSPC, top=MEMORY) or is_clear
    print(f"writes that failed: {tried:,} of an error in a system call, {offsets:,} of ENOSPC at an offset, {limits()}")


def _cost(subject: Subject) -> tuple[int, int]:
    """System calls and bytes of a write."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as log:
        subject.prepare(Path(name) / "run")
        begin(Path(name), log=log.fileno())
        subject.write(Path(name) / "run")
        num_calls = count()
        end()
        log.seek(0)
        lines = [line.split(b"\t") for line in log.read().splitlines()]
        return num_calls, sum(len(line[3]) // 2 for line in lines if line[0] == b"write")


def _fails(
    subject: Subject, fault: Fault, number: int, *, may_leave_lock: bool = False, top: str | Path | None = None
) -> bool:
    """Whether the write failed; what is there afterwards is checked."""
    with tempfile.TemporaryDirectory(dir=top) as name:
        folder = Path(name) / "run"
        subject.prepare(folder)
        before = _names(folder)
        message = ""
        try:
            with fault(folder):
                subject.write(folder)
        except (StorageError, ModelFileError) as error:
            message = str(error)
        found = subject.found(folder)
        assert found == subject.new or (message and found == subject.old), f"{subject.name}: {found} after {message}"
        if message:
            words = (str(folder), os.strerror(number), *subject.words)
            assert all(word in message for word in words), f"{subject.name}: {message}"
        new = _names(folder) - before
        stray = {name for name in new if name.endswith(".tmp") or (name == "lock" and not may_leave_lock)}
        assert not stray, f"{subject.name}: {os.strerror(number)} left {stray}"
        subject.write(folder)
        assert subject.found(folder) == subject.new
        assert not any(name.endswith(".tmp") or name == "lock" for name in _names(folder))
        return bool(message)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def limits() -> str:
    """Real limits: few free descriptors; a folder without rights."""
    tried = 0
    for subject in _subjects(SITUATIONS):
        with tempfile.TemporaryDirectory() as name:  # what is imported at the first write is there
            subject.prepare(Path(name) / "run")
            subject.write(Path(name) / "run")
        free = 0
        while _fails(subject, FewDescriptors(free), errno.EMFILE):
            free += 1
        assert free > 0, "it needs no descriptor"
        assert _fails(subject, no_rights, errno.EACCES)
        tried += free + 1
    return f"{tried} with too few descriptors or no right to write"


def disk(num: int) -> None:
    """A memory disk of which all but some pages are taken; one that is read-only."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", name], check=True)
        try:
            subjects = _subjects((LARGE,)) if num >= LONG else [_of_checkpoints(LARGE)]
            tried = sum(_on_disk(subject, Path(name), num) for subject in subjects)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)
    print(f"a memory disk full at {tried} offsets, and read-only")


def _on_disk(subject: Subject, top: Path, num: int) -> int:
    with tempfile.TemporaryDirectory(dir=top) as below:
        subject.prepare(Path(below) / "run")
        before = free_pages(top)
        subject.write(Path(below) / "run")
        num_pages = before - free_pages(top)
    offsets = sorted({i * num_pages // num for i in range(num)})
    for left in offsets:
        assert _fails(subject, FullDisk(top, left), errno.ENOSPC, top=top), f"{subject.name}: {left} pages were enough"
    assert _fails(subject, ReadOnlyDisk(top), errno.EROFS, top=top)
    return len(offsets)


if __name__ == "__main__":
    {"calls": calls, "disk": disk}[sys.argv[1]](int(sys.argv[2]))
