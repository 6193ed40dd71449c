"""Trainings that stop after a step and go on from the checkpoint, in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import clicks
import msgspec

import manyhot as mh
from manyhot.training import Learner, Stop

Report = dict[str, Any]

OFTEN = mh.Checkpoints(minutes=0)


class StopAt:
    """Counts the steps of all trainings inside, and asks `stop` to stop after the step of this number."""

    def __init__(self, monkeypatch: Any, step: int | None) -> None:
        self.stop, self.steps, learn = Stop(), 0, Learner.learn

        def counted(learner: Learner, batch: Any) -> float | None:
            self.steps += 1
            if self.steps == step:
                self.stop.ask()
            return learn(learner, batch)

        monkeypatch.setattr(Learner, "learn", counted)


def train(folder: Path | None, *, stop: Stop | None = None, **options: Any) -> tuple[mh.Run, list[Report]]:
    """A run of the clicks with these keys of TrainingConfig; model, schema, data, valid, resume stand apart."""
    reports: list[Report] = []
    named = {key: options.pop(key) for key in ("model", "schema", "data", "valid", "resume") if key in options}
    model = named.get("model", "deepfm")
    training = msgspec.structs.replace(mh.TrainingConfig(batch_size=64, epochs=3, threads=1), **options)
    run = mh.train(
        named.get("schema", clicks.SCHEMA),
        clicks.MODELS[model] if isinstance(model, str) else model,
        train=named.get("data", clicks.TRAIN),
        valid=named.get("valid", clicks.VALID),
        training=training,
        listener=reports.append,
        checkpoints=folder,
        resume=named.get("resume"),
        stop=stop,
    )
    return run, [report for report in reports if report["event"] == "valid"]
