"""Trainings that stop at any moment and go on from the checkpoint, in memory."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clicks
import msgspec
import numpy as np
import pytest

import manyhot as mh
from manyhot.errors import StoppedError
from manyhot.training import Stop
from manyhot.training._loop import _Loop
from manyhot.training._state import state_of

Report = dict[str, Any]

OFTEN = mh.Checkpoints(minutes=0)
_NEVER = 1 << 30


class StopAt(Stop):
    """Is asked at the look of this number: there is one after each step, and one before each batch of a validation."""

    def __init__(self, number: int = _NEVER) -> None:
        super().__init__()
        self.number, self.looks = number, 0

    def check(self) -> None:
        self.looks += 1
        if self.looks == self.number:
            self.ask()
        super().check()


@contextlib.contextmanager
def last_state() -> Iterator[dict[str, Any]]:
    """Hashes of all that training remembers after its last step: optimizers' states, random numbers, averages .."""
    run = _Loop.run
    found: dict[str, Any] = {}

    def run_and_keep(loop: _Loop) -> None:
        run(loop)
        values, arrays = state_of(loop.parts())
        found["values"] = values | {"clock": None}
        found.update({name: hashlib.sha256(np.ascontiguousarray(a).data).hexdigest() for name, a in arrays.items()})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Loop, "run", run_and_keep)
        yield found


def train(
    folder: Path | None,
    *,
    schema: mh.Schema = clicks.SCHEMA,
    model: str | mh.ModelConfig = "deepfm",
    data: Any = clicks.TRAIN,
    valid: Any = clicks.VALID,
    resume: bool | None = None,
    stop: Stop | None = None,
    reports: list[Report] | None = None,
    told: list[str] | None = None,
    **options: Any,
) -> mh.Run:
    """A run; options: of TrainingConfig."""
    return mh.train(
        schema,
        clicks.MODELS[model] if isinstance(model, str) else model,
        train=data,
        valid=valid,
        training=msgspec.structs.replace(
            mh.TrainingConfig(batch_size=64, epochs=3, threads=1, checkpoints=OFTEN), **options
        ),
        listener=(reports if reports is not None else []).append,
        checkpoints=folder,
        resume=resume,
        stop=stop,
        on_stage=(told if told is not None else []).append,
    )


def outcome(folder: Path | None, stop: Stop | None = None, **options: Any) -> dict[str, Any]:
    """All that a training comes to but for the time it took; {"stopped": step, "looks": ..} where it stopped."""
    reports: list[Report] = []
    with last_state() as state:
        try:
            run = train(folder, stop=stop, reports=reports, **options)
        except StoppedError as error:
            assert error.checkpoint is not None and error.checkpoint.is_dir()
            return {"stopped": error.step, "looks": _looks(reports)}
    return {"bits": clicks.bits(run), "metrics": timeless(run.metrics), "state": dict(state), "looks": _looks(reports)}


def timeless(report: Report) -> Report:
    return {key: value for key, value in report.items() if "second" not in key}


def _looks(reports: list[Report]) -> list[Report]:
    return [timeless(report) for report in reports if report["event"] == "valid"]
