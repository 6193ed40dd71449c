"""Keeper: checkpoints of a training, written beside it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from manyhot.data import available_bytes
from manyhot.errors import StorageError, TrainingError
from manyhot.schema import Checkpoints
from manyhot.storage import CheckpointFolder, Stored

from ._room import Room
from ._state import Arrays, Remembering, load_parts, state_of

__all__ = ["Keeper"]

# Training waits while its memory is copied, and is slowed down by the thread that writes the copy. The first may take a
# twentieth of the time. The second runs at low priority; four times as long as it took, it does not run again.
_WAITS, _RESTS = 20, 4
_COPIED_A_SECOND = 1e9  # bytes; before anything was measured
# Buffers are left out: one of a custom head may hold infinity for a reason.
_FINITE = ("learner.tables.", "learner.dense.", "learner.optimizer.")
_NO_PREPARING = 1 << 26  # bytes; memory for fewer is asked for when it is needed


class _GivenUp(Exception):
    """A checkpoint that is being written is not wanted any more."""


class Keeper:
    """Writes checkpoints into a folder as the config says; start: the one to go on from.

    header: what else each holds, plain JSON; called by the thread that writes. tell: is told in words of one that could
    not be written, and training goes on: the one before is there still. wrote: seconds that the last one took.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        config: Checkpoints,
        header: Callable[[], dict[str, Any]],
        tell: Callable[[str], None],
        start: Stored | None = None,
    ) -> None:
        self.start, self._folder, self._config, self._header, self._tell = start, folder, config, header, tell
        self._writer = ThreadPoolExecutor(1, "manyhot-checkpoint", _at_low_priority)
        self._writing: Future[None] | None = None
        self._giving_up = threading.Event()
        self._room, self._wanted = Room(), False
        # A step may be written twice: after it, and after a look at valid, the end of an epoch or of all.
        self._last: tuple[dict[str, Any] | None, Path] | None = None
        self._begun_state: dict[str, Any] | None = None
        if start is not None:
            self._last = start.header.get("state"), start.path
        self._began = time.monotonic()  # of the last one
        self._waited: float | None = None
        self.wrote = 0.0

    @property
    def writing(self) -> bool:
        """Whether one is being written, or the memory of the next made ready."""
        return self._writing is not None and not self._writing.done()

    def load(self, parts: Mapping[str, Remembering]) -> None:
        """Puts the parts of the training where the checkpoint left them, if there is one. Raises StorageError."""
        if self.start is not None:
            load_parts(parts, (self.start.header.get("state"), self.start.arrays), str(self.start.path))
            self.start = None

    def due(self, epoch_ended: int | None, num_bytes: int) -> bool:
        """Whether to write one now; memory for the copy is ready then.

        epoch_ended: the number of the epoch that this is the end of, 0 after the last step of all; num_bytes: that will
        have to be copied.
        """
        if self.writing:
            return False
        self.finish_writing()
        if self._wanted:
            return True
        self._wanted = self._is_time(epoch_ended, num_bytes)
        missing = num_bytes - self._room.num_bytes
        if self._wanted and _NO_PREPARING <= missing <= _free_bytes() and epoch_ended != 0:
            self._writing = self._writer.submit(self._room.make_ready, num_bytes)
            return False
        return self._wanted

    def _is_time(self, epoch_ended: int | None, num_bytes: int) -> bool:
        passed = time.monotonic() - self._began
        every = self._config.epochs
        ended = epoch_ended is not None and every > 0 and epoch_ended % every == 0
        if passed < 60 * self._config.minutes and not ended:
            return False
        waits = num_bytes / _COPIED_A_SECOND if self._waited is None else self._waited
        return passed >= max(_WAITS * waits, _RESTS * self.wrote)

    def write(self, step: int, parts: Mapping[str, Remembering]) -> None:
        """A checkpoint after this step, from a copy, by a thread of its own; where the copy does not fit into memory,
        at once."""
        self._began, self._wanted = time.monotonic(), False
        values, arrays = state_of(parts)
        self._begun_state = values
        needed = sum(array.nbytes for array in arrays.values() if array.flags.writeable)
        try:
            copies = self._room.copied(arrays) if needed <= _free_bytes() + self._room.num_bytes else None
        except MemoryError:
            copies = None
        self._writing = self._writer.submit(self._write, step, values, arrays if copies is None else copies)
        if copies is None:
            self.finish_writing()
        self._waited = time.monotonic() - self._began

    def write_now(self, step: int, parts: Mapping[str, Remembering]) -> Path:
        """Like `write`, but it is on disk afterwards; an earlier one that is being written is given up, since whoever
        asks waits for both. Raises StorageError."""
        values, arrays = state_of(parts)
        if self._begun_state != values:
            self._giving_up.set()
        self.finish_writing()
        self._giving_up.clear()
        if self._last is None or self._last[0] != values:
            self._write(step, values, arrays)
        assert self._last is not None
        return self._last[1]

    def close(self) -> None:
        """Waits for one that is being written; the last call."""
        self._writer.shutdown()
        self.finish_writing()

    def _write(self, step: int, values: dict[str, Any], arrays: Arrays) -> None:
        began = time.monotonic()
        _check_finite(step, arrays)
        try:
            header = {**self._header(), "state": values}
            self._last = values, self._folder.write(step, header, arrays, self._check_wanted)
        finally:
            self.wrote = time.monotonic() - began

    def _check_wanted(self) -> None:
        if self._giving_up.is_set():
            raise _GivenUp

    def finish_writing(self) -> None:
        """Waits for one that is being written, or for the memory of the next."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except _GivenUp:
            pass
        except StorageError as error:
            self._tell(f"{error}; training goes on without this checkpoint")


def _check_finite(step: int, arrays: Arrays) -> None:
    """Raises TrainingError where a weight or a state of an optimizer is NaN or infinite."""
    for name, array in arrays.items():
        if name.startswith(_FINITE) and array.size and not np.isfinite([array.min(), array.max()]).all():
            raise TrainingError(
                f"after step {step:,} {name} holds NaN or infinity, and no checkpoint was written of it: lower the "
                "learning rates of training.tables and training.dense"
            )


def _free_bytes() -> float:
    free = available_bytes()
    return float("inf") if free is None else free


def _at_low_priority() -> None:
    """The thread that calls it; on Linux that is none other."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
