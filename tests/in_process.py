"""The command in this process, as a shell would see it: for tests where a process of its own is not the point."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

from manyhot.cli import main

__all__ = ["manyhot"]


def manyhot(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Exit code and output of `manyhot` in the folder `cwd`. An error that is no sentence comes out as it is."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            assert isinstance(stop.code, int | None)
            code = stop.code or 0
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
