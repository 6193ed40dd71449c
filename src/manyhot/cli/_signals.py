"""SIGTERM and SIGINT while a model is trained: the first stops it in good order, a second ends the process at once."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from manyhot.errors import StoppedError
from manyhot.training import Stop

__all__ = ["stopping_in_order"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def stopping_in_order() -> Iterator[Stop]:
    """What a training is to look at. After a signal the process says how to go on and exits with 128 and the number of
    the signal; between the steps of a training after one step and a checkpoint, before and after them at once, with all
    that was half-written cleaned up."""
    stop = Stop()
    got: list[signal.Signals] = []

    def handle(number: int, frame: FrameType | None) -> None:
        got.append(signal.Signals(number))
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        stop.ask()
        if not stop.heeded:
            raise KeyboardInterrupt

    before = {each: signal.signal(each, handle) for each in _SIGNALS}
    try:
        yield stop
    except (StoppedError, KeyboardInterrupt) as error:
        if not got:
            raise
        sys.stderr.write(f"manyhot: {_sentence(error, got[0].name)}\n")
        sys.exit(128 + got[0])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _sentence(error: BaseException, name: str) -> str:
    if not isinstance(error, StoppedError):
        return (
            f"stopped by {name}; the same command goes on from the last checkpoint, or starts anew where there is none"
        )
    if error.checkpoint is None:
        return f"{name}: {error}"
    return f"stopped by {name} after step {error.step:,}; the same command goes on from {error.checkpoint}"
