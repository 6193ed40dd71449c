"""log.jsonl: a line for each report of a training, there at once, so that a killed training leaves it too."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from manyhot.errors import ManyhotError

from ._output import output_file

__all__ = ["TrainingLog"]


class TrainingLog:
    """Takes reports, within a `with`. A training that goes on from a checkpoint goes on in the file, without the lines
    that came after the checkpoint: it reads as if there had been no stop. One that starts anew replaces the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: TextIO | None = None

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._lines is not None:
            with contextlib.suppress(OSError):  # every line was flushed
                self._lines.close()

    def __call__(self, report: dict[str, Any]) -> None:
        """Writes one; the first is the start. Raises ManyhotError."""
        try:
            if self._lines is None:
                kept = self._lines_before(report["step"], report["looks"]) if report["step"] else []
                with output_file(self._path) as part:
                    part.write_text("".join(kept or [_line(report)]))
                self._lines = self._path.open("a")
            else:
                self._lines.write(_line(report))
                self._lines.flush()
        except OSError as error:
            raise ManyhotError(f"{self._path}: cannot write: {error.strerror or error}") from None

    def _lines_before(self, step: int, looks: int) -> list[str]:
        """The start, progress up to this step, and so many validations; nothing where the file is none of ours."""
        kept: list[str] = []
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError
        ):  # the last line of a killed training is torn
            for line in self._path.read_text().splitlines(keepends=True):
                report = json.loads(line)
                looks -= report["event"] == "valid"
                if report["event"] != "end" and report.get("step", 0) <= step and looks >= 0 and line.endswith("\n"):
                    kept.append(line)
        return kept if kept and json.loads(kept[0])["event"] == "start" else []


def _line(report: dict[str, Any]) -> str:
    return json.dumps(report) + "\n"
