"""Asking a training to stop in good order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["Asked", "Stop"]


class Asked(Exception):
    """Training has been asked to stop; ends the steps, and never leaves this room."""


class Stop:
    """`ask` may be called from a signal handler or another thread. While `heeded` the training looks by itself, after
    each step; before and after that whoever asks has to end it by other means."""

    def __init__(self) -> None:
        self.asked = self.heeded = False

    def ask(self) -> None:
        """The training writes a checkpoint after the step that it is at, and raises StoppedError."""
        self.asked = True

    def check(self) -> None:
        """Raises Asked if so."""
        if self.asked:
            raise Asked

    @contextlib.contextmanager
    def heeding(self) -> Iterator[None]:
        """Around the steps of a training. Raises Asked at the end where nobody has looked since it was asked to."""
        self.heeded = True
        try:
            yield
        finally:
            self.heeded = False
        self.check()
