"""What every refusal of the command line must be: one message, exit code 2, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from manyhot.cli import main

__all__ = ["assert_refused"]


def assert_refused(
    arguments: Iterable[str | Path], words: Iterable[str], folder: Path, capfd: pytest.CaptureFixture[str]
) -> str:
    """Runs a command that must be refused with these words; `folder` holds the same files before and after.

    The message is one line, or one and a line for each bad row.
    """
    before = sorted(folder.rglob("*"))
    capfd.readouterr()
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    said = capfd.readouterr()
    assert caught.value.code == 2
    assert said.out == ""
    first, *others = said.err.rstrip("\n").split("\n")
    assert first.startswith("manyhot: "), said.err
    assert all(line.startswith("  ") for line in others) and (not others or " rows are bad (" in first), said.err
    assert "Traceback" not in said.err and "Exception ignored" not in said.err
    missing = [word for word in words if word not in said.err]
    assert not missing, said.err
    assert sorted(folder.rglob("*")) == before
    return said.err
