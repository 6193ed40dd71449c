"""Whole files and folders in odd places."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from manyhot.storage import CheckpointFolder, RunLock, whole_file, whole_folder


def test_a_folder_that_may_be_written_and_not_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        top, was = Path(name), os.geteuid()
        top.chmod(0o333)
        if was == 0:  # who may read everything
            os.seteuid(65534)
        try:
            with pytest.raises(PermissionError):
                list(top.iterdir())
            with whole_file(top / "file") as part:
                part.write_text("whole")
        finally:
            os.seteuid(was)
            top.chmod(0o755)
        assert [path.name for path in top.iterdir()] == ["file"]
        assert (top / "file").read_text() == "whole"


def test_a_folder_with_folders_links_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("there")
    with whole_folder(tmp_path / "whole") as part:
        (part / "a" / "b").mkdir(parents=True)
        (part / "a" / "b" / "file").write_text("deep")
        (part / "empty").mkdir()
        (part / "link").symlink_to(tmp_path / "elsewhere")
        (part / "to nowhere").symlink_to(tmp_path / "absent")
    assert (tmp_path / "whole" / "a" / "b" / "file").read_text() == "deep"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "whole"]


def test_a_checkpoint_under_the_lock_of_its_own_folder(tmp_path: Path) -> None:
    with RunLock(tmp_path) as lock:
        checkpoints = CheckpointFolder(tmp_path, lock=lock)
        checkpoints.write(1, {}, {})
        checkpoints.clear()
        checkpoints.write(2, {}, {})
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "step-000000000002"]
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000000002"]
