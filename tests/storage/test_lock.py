"""The lock of a run: the kernel decides, the file names the owner."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from manyhot.errors import LockedError, StorageError
from manyhot.storage import RunLock


def test_one_at_a_time_of_one_process_too(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "run"
    with RunLock(folder):
        with pytest.raises(LockedError) as caught:
            RunLock(folder)
        for words in (f"{folder}: is in use by process {os.getpid()} on {socket.gethostname()} since 20", "stop it"):
            assert words in str(caught.value)
        with RunLock(tmp_path / "other"):
            pass
    with RunLock(folder):
        pass
    assert list(folder.iterdir()) == []


def test_release_twice_frees_nobody_elses(tmp_path: Path) -> None:
    first = RunLock(tmp_path)
    first.release()
    with RunLock(tmp_path):
        first.release()
        with pytest.raises(LockedError):
            RunLock(tmp_path)


def test_what_a_dead_owner_left_is_taken_over(tmp_path: Path) -> None:
    """Whatever it says: neither another machine nor a number that a living process has by now is an owner."""
    (tmp_path / "lock").write_text(
        f"process {os.getppid()} on another-host since 2020-01-01 00:00:00+00:00" + "x" * 900
    )
    with RunLock(tmp_path):
        assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} on ")
        assert "another-host" not in (tmp_path / "lock").read_text()


def test_a_deleted_file_holds_nothing_and_is_not_another(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    (tmp_path / "lock").unlink()
    with RunLock(tmp_path):
        lock.release()
        assert (tmp_path / "lock").exists(), "deleted the lock of another"


def test_hostile_words_are_shown_on_one_line(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        (tmp_path / "lock").write_bytes(b"\x1b[31m\n\xff" + b"x" * 10_000)
        with pytest.raises(LockedError) as caught:
            RunLock(tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file/run: cannot write the lock of the run: Not a directory"):
        RunLock(tmp_path / "file" / "run")
    (tmp_path / "lock").symlink_to(tmp_path / "file")
    with pytest.raises(StorageError, match="cannot write the lock"):
        RunLock(tmp_path)
    assert stat.S_ISLNK((tmp_path / "lock").lstat().st_mode)
    assert (tmp_path / "file").read_text() == ""
