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
    interrupted: list[bool] = []

    def handle(number: int, frame: FrameType | None) -> None:
        got.append(signal.Signals(number))
        for each in heard:
            signal.signal(each, signal.SIG_DFL)
        stop.ask()
        if not stop.heeded:
            interrupted.append(True)
            raise KeyboardInterrupt

    # One that whoever started the process has it ignore stays ignored, as nohup and scripts mean it.
    heard = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handle) for each in heard}
    try:
        yield stop
    except (KeyboardInterrupt, Exception) as error:
        # Whatever comes of an interrupt in a library: DuckDB makes a RuntimeError of it.
        if not got or not (interrupted or isinstance(error, StoppedError)):
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
