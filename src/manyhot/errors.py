"""The errors a user can meet, drawn as one tree. Lowest room: imports nothing of manyhot.

    ManyhotError
      ConfigError        a schema, an experiment file or an option is wrong
      DataError          a source cannot be read, or lacks what the schema needs
        BadRowsError     rows that must not be learned from; names the first ten
      ModelFileError     a model file is damaged, foreign, or does not reproduce its proof rows
      StorageError       a file of ours cannot be written, or is damaged
        LockedError      another process uses the folder
      TrainingError      training cannot go on (a loss that is not finite)
        StoppedError     it was asked to stop, and did

Every message is one sentence that says where, what, and what to do. Anything else that escapes is our own bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "BadRowsError",
    "ConfigError",
    "DataError",
    "LockedError",
    "ManyhotError",
    "ModelFileError",
    "StoppedError",
    "StorageError",
    "TrainingError",
    "nearest_name",
    "on_one_line",
]

_SHOWN = 40


def on_one_line(text: str, keep: str = "") -> str:
    """The text, with what is not printable (but for the letters of `keep`) written as in a Python string: names out of
    files could otherwise move the cursor of a terminal, or begin a line that looks like one of ours."""
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


class ManyhotError(Exception):
    """Base of every error that is the input's fault and not ours."""

    _KEPT = ""

    def __init__(self, message: str = "") -> None:
        super().__init__(on_one_line(message, self._KEPT))


class ConfigError(ManyhotError):
    """A schema, experiment file or option is wrong."""


class DataError(ManyhotError):
    """A source cannot be read, or lacks what the schema needs."""


class BadRowsError(DataError):
    """Rows that must not be learned from: unparsable text, non-finite weights, labels outside {0, 1}.

    num_read, num_rejected: rows; first: a sentence for each of the first of them, which stand in lines of their own.
    """

    _KEPT = "\n"

    def __init__(self, message: str, *, num_read: int = 0, num_rejected: int = 0, first: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.num_read, self.num_rejected, self.first = num_read, num_rejected, first


class ModelFileError(ManyhotError):
    """A model file is damaged, foreign, or does not reproduce the scores stored in it."""


class StorageError(ManyhotError):
    """A file of ours (a checkpoint, a lock) cannot be written, or is damaged."""


class LockedError(StorageError):
    """Another process uses the folder."""


class TrainingError(ManyhotError):
    """Training cannot go on."""


class StoppedError(TrainingError):
    """Training was asked to stop, after `step` steps. checkpoint: where it goes on from; None: there is none."""

    def __init__(self, message: str, step: int, checkpoint: Path | None) -> None:
        super().__init__(message)
        self.step, self.checkpoint = step, checkpoint


def nearest_name(name: str, known: Iterable[str]) -> str:
    """The tail of an error sentence: '; did you mean "x"?' or the list of known names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f'; did you mean "{_shown(close[0])}"?'
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"; known: {', '.join(map(_shown, known[:_SHOWN]))}{more}" if known else ""


def _shown(name: str) -> str:
    """A name out of a file may be anything: on one line, and short."""
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return name if len(name) <= 60 else name[:57] + "..."
