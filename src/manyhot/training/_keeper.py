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
import torch

from manyhot.data import available_bytes
from manyhot.errors import StorageError
from manyhot.nn import not_finite
from manyhot.schema import Checkpoints
from manyhot.storage import CheckpointFolder, Stored

from ._state import Arrays, Remembering, load_parts, state_of

__all__ = ["Keeper"]

# Training waits while its memory is copied, and is slowed down by the thread that writes the copy. The first may take a
# twentieth of the time. The second runs at low priority; four times as long as it took, it does not run again.
_WAITS, _RESTS = 20, 4
_COPIED_A_SECOND = 1e9  # bytes; before anything was measured
_PARALLEL = 1 << 20  # bytes; larger arrays are copied by all threads


class Keeper:
    """Writes checkpoints into a folder as the config says; start: the one to go on from.

    header: what else each holds, plain JSON; called by the thread that writes. tell: is told in words of one that could
    not be written, and training goes on: the one before is there still.
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
        self._last: tuple[int, Path] | None = None if start is None else (start.step, start.path)
        self._began = time.monotonic()  # of the last one
        self._waited: float | None = None
        self._wrote = 0.0

    def load(self, parts: Mapping[str, Remembering]) -> None:
        """Puts the parts of the training where the checkpoint left them, if there is one. Raises StorageError."""
        if self.start is not None:
            load_parts(parts, (self.start.header["state"], self.start.arrays), str(self.start.path))
            self.start = None

    def due(self, epoch_ended: int | None, num_bytes: int) -> bool:
        """Whether to write one now. epoch_ended: the number of the epoch that this is the end of; num_bytes: that would
        have to be copied."""
        if self._writing is not None and not self._writing.done():
            return False
        self._end_writing()
        passed = time.monotonic() - self._began
        every = self._config.epochs
        if passed < 60 * self._config.minutes and not (epoch_ended and every and epoch_ended % every == 0):
            return False
        waits = num_bytes / _COPIED_A_SECOND if self._waited is None else self._waited
        return passed >= max(_WAITS * waits, _RESTS * self._wrote)

    def write(self, step: int, parts: Mapping[str, Remembering]) -> None:
        """A checkpoint after this step, from a copy, by a thread of its own; where the copy does not fit into memory,
        at once."""
        self._began = time.monotonic()
        values, arrays = state_of(parts)
        free, needed = available_bytes(), sum(array.nbytes for array in arrays.values() if array.flags.writeable)
        if free is not None and needed > free:
            self._writing = self._writer.submit(self._write, step, values, arrays)
            self._end_writing()
        else:
            copies = {name: _copy(array) for name, array in arrays.items()}
            self._writing = self._writer.submit(self._write, step, values, copies)
        self._waited = time.monotonic() - self._began

    def write_now(self, step: int, parts: Mapping[str, Remembering]) -> Path:
        """Like `write`, but it is on disk afterwards. Raises StorageError."""
        self._end_writing()
        if self._last is None or self._last[0] != step:
            self._write(step, *state_of(parts))
        assert self._last is not None
        return self._last[1]

    def close(self) -> None:
        """Waits for one that is being written; the last call."""
        self._writer.shutdown()
        self._end_writing()

    def _write(self, step: int, values: dict[str, Any], arrays: Arrays) -> None:
        began = time.monotonic()
        try:
            wrong = not_finite(arrays)
            if wrong is not None:
                raise StorageError(f"after step {step:,} {wrong}, and no checkpoint holds such numbers")
            self._last = step, self._folder.write(step, {**self._header(), "state": values}, arrays)
        finally:
            self._wrote = time.monotonic() - began

    def _end_writing(self) -> None:
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except StorageError as error:
            self._tell(f"{error}; training goes on without this checkpoint")


def _at_low_priority() -> None:
    """The thread that calls it; on Linux that is none other."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _copy(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Itself where it never changes. Large ones by torch, which has threads for it."""
    if not array.flags.writeable:
        return array
    new = np.empty(array.shape, array.dtype)
    if array.nbytes < _PARALLEL:
        new[...] = array
    else:
        torch.from_numpy(new).copy_(torch.from_numpy(array))
    return new
