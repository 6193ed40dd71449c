"""log.jsonl: a line for each report of a training, there at once, so that a killed training leaves it too."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from manyhot.errors import ManyhotError

from ._output import output_file

__all__ = ["TrainingLog"]


class TrainingLog:
    """Takes reports, within a `with`. A training that goes on from a checkpoint goes on in the file, without the lines
    that came after the checkpoint: it reads as if there had been no stop. One that starts anew replaces the file.

    A line that cannot be written (the disk is full) is kept, and written before the next one; tell: is told so once.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path, self._tell = path, tell
        self._file: FileIO | None = None
        self._size, self._unwritten, self._told = 0, b"", False

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._write()
            with contextlib.suppress(OSError):
                self._file.close()

    def __call__(self, report: dict[str, Any]) -> None:
        """Writes one; the first is the start. Raises ManyhotError where that cannot be written."""
        if self._file is not None:
            self._unwritten += _line(report)
            self._write()
            return
        kept = self._lines_before(report["step"], report["looks"]) if report["step"] else []
        text = b"".join(kept or [_line(report)])
        with output_file(self._path) as part:
            part.write_bytes(text)
        try:
            self._file, self._size = FileIO(self._path, "r+"), len(text)
        except OSError as error:
            raise ManyhotError(f"{self._path}: cannot write: {error.strerror or error}") from None

    def _write(self) -> None:
        """What is not there yet; half a line of an earlier try goes first."""
        assert self._file is not None
        try:
            self._file.truncate(self._size)
            self._file.seek(self._size)
            rest = self._unwritten
            while rest:
                rest = rest[self._file.write(rest) :]
            self._size, self._unwritten = self._size + len(self._unwritten), b""
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
            if not self._told:
                self._told = True
                self._tell(
                    f"{self._path}: cannot write: {error.strerror or error}; training goes on, and what is missing "
                    "follows when it can be written"
                )

    def _lines_before(self, step: int, looks: int) -> list[bytes]:
        """The start, progress up to this step, and so many validations; nothing where the file is none of ours."""
        kept: list[bytes] = []
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError
        ):  # the last line of a killed training is torn
            for line in self._path.read_bytes().splitlines(keepends=True):
                report = json.loads(line)
                looks -= report["event"] == "valid"
                if report["event"] != "end" and report.get("step", 0) <= step and looks >= 0 and line.endswith(b"\n"):
                    kept.append(line)
        return kept if kept and json.loads(kept[0])["event"] == "start" else []


def _line(report: dict[str, Any]) -> bytes:
    """JSON knows no NaN: a loss before anything was learned."""
    known = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in report.items()
    }
    return json.dumps(known).encode() + b"\n"
