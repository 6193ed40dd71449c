"""Asking a training to stop in good order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["Stop"]


class Stop:
    """`ask` may be called from a signal handler or another thread. While `heeded` the training looks by itself, after
    each step; before and after that whoever asks has to end it by other means."""

    def __init__(self) -> None:
        self.asked = self.heeded = False

    def ask(self) -> None:
        """The training writes a checkpoint after the step that it is at, and raises StoppedError."""
        self.asked = True

    @contextlib.contextmanager
    def heeding(self) -> Iterator[None]:
        """Around the steps of a training."""
        self.heeded = True
        try:
            yield
        finally:
            self.heeded = False
