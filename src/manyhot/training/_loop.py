"""The training loop: batches in, weights moved, reports out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from manyhot.calibration import Calibrator
from manyhot.data import Examples, Loader
from manyhot.errors import TrainingError
from manyhot.kernels import Batch, Float32s
from manyhot.nn import Model, predict_logits
from manyhot.schema import SettledTraining

from ._early_stopping import BestWeights
from ._labels import evaluate_labels, metrics_to_judge
from ._learner import Learner
from ._reports import Listener
from ._schedule import RateSchedule
from ._settings import rows_an_epoch

__all__ = ["Clock", "check_finite", "evaluate", "finite_logits", "fit_model"]

_REMEDY = "nothing was saved: lower the learning rates of training.tables and training.dense"

_WARM_UP_STEPS = 5  # left out of examples_per_second: first touches of memory, thread pools
_SECONDS_BETWEEN_REPORTS = 0.5


@dataclass
class Clock:
    """Time spent in the loop itself, validation left out."""

    examples: int = 0
    seconds: float = 0.0
    steps: int = 0
    _warm: tuple[int, float] = field(default=(0, 0.0))

    def add(self, examples: int, seconds: float) -> None:
        """One step."""
        self.steps += 1
        self.examples += examples
        self.seconds += seconds
        if self.steps == _WARM_UP_STEPS:
            self._warm = self.examples, self.seconds

    @property
    def examples_per_second(self) -> float:
        """In the steady state; over everything where there were few steps."""
        examples, seconds = self._warm if self.steps >= 2 * _WARM_UP_STEPS else (0, 0.0)
        return (self.examples - examples) / max(self.seconds - seconds, 1e-9)


def fit_model(
    model: Model,
    config: SettledTraining,
    train: Examples,
    valid: Examples | None,
    listener: Listener,
    labels: Sequence[str] = (),
) -> Clock:
    """Trains in place; with early stopping the best weights are in the model at the end. labels: the names of several.
    Raises TrainingError."""
    loader = Loader(
        train,
        model.tables.layout,
        model.tables.kernels,
        config.batch_size,
        shuffle_seed=config.seed,
        with_plan=True,
        num_threads=config.threads,
        keep_negatives=config.keep_negatives,
        whole_groups=config.loss.kind == "bpr",
    )
    best = BestWeights(config.early_stopping) if config.early_stopping else None
    learner = Learner(model, config, [(config.label_weights or {}).get(name, 1.0) for name in labels])
    schedule = RateSchedule(config.schedule, loader.num_batches * config.epochs, loader.num_batches)
    rows = rows_an_epoch(config, train)
    loop = _Loop(model, learner, loader, rows, config, valid, best, schedule, listener, labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        loop.run()
    if best is not None:
        best.restore(model)
    elif learner.averages is not None:
        learner.averages.put()
    return loop.clock


def check_finite(logits: Float32s, step: int) -> Float32s:
    """The logits as they are; raises TrainingError where the step before has made the model score NaN or infinity."""
    if not np.isfinite(logits).all():
        raise TrainingError(f"after step {step} the model scores NaN or infinity; {_REMEDY}")
    return logits


def finite_logits(model: Model, examples: Examples, step: int) -> Float32s:
    """float32 [num_rows], or [num_rows, T] of several labels. Raises TrainingError where the model scores NaN or
    infinity."""
    return check_finite(predict_logits(model, examples), step)


def evaluate(
    model: Model,
    examples: Examples,
    step: int,
    names: Sequence[str] = (),
    calibrator: Calibrator | None = None,
) -> dict[str, Any]:
    """Metrics on labelled examples, {name: metrics} of several labels of these names, calibrated if so. Raises
    TrainingError where the model scores NaN or infinity."""
    labels = examples.labels
    assert labels is not None
    logits = finite_logits(model, examples, step)
    logits = logits if calibrator is None else calibrator(logits)
    metrics: dict[str, Any] = evaluate_labels(names, labels, logits, examples.example_weights, examples.groups)
    return metrics


@dataclass
class _Loop:
    model: Model
    learner: Learner
    loader: Loader
    rows_an_epoch: int
    config: SettledTraining
    valid: Examples | None
    best: BestWeights | None
    schedule: RateSchedule
    listener: Listener
    labels: Sequence[str] = ()
    clock: Clock = field(default_factory=Clock)
    loss: float = math.nan  # a running mean
    _reported: float = 0.0

    def run(self) -> None:
        self.listener({"event": "start", "examples": self.rows_an_epoch, "epochs": self.config.epochs})
        self.model.train()
        every = self.config.validate_every
        for epoch in range(1, self.config.epochs + 1):
            for _ in self._steps(epoch):
                if every and self.clock.steps % every == 0 and self._validate(epoch):
                    return
            if not every and self._validate(epoch):
                return
        if every and self.clock.steps % every:  # the steps since the last look count too
            self._validate(self.config.epochs)

    def _steps(self, epoch: int) -> Iterator[None]:
        started = time.perf_counter()
        for batch in self.loader.epoch(epoch):
            self._learn(batch)
            now = time.perf_counter()
            self.clock.add(batch.jagged.num_examples, now - started)
            if now - self._reported > _SECONDS_BETWEEN_REPORTS:
                self._reported = now
                self.listener(self._report("progress", epoch))
            yield
            started = time.perf_counter()

    def _learn(self, batch: Batch) -> None:
        self.learner.set_rates(self.schedule.factor(self.clock.steps + 1))
        value = self.learner.learn(batch)
        if value is None:
            return
        if not math.isfinite(value):
            raise TrainingError(f"the loss became {value} at step {self.clock.steps + 1}; {_REMEDY}")
        self.loss = value if math.isnan(self.loss) else 0.98 * self.loss + 0.02 * value

    def _validate(self, epoch: int) -> bool:
        """Reports on valid; whether to stop."""
        if self.valid is None:
            return False
        averages = self.learner.averages
        with averages.in_place() if averages else contextlib.nullcontext():
            metrics = evaluate(self.model, self.valid, self.clock.steps, self.labels)
            self.listener({**self._report("valid", epoch), **({"labels": metrics} if self.labels else metrics)})
            if self.config.schedule is not None:
                self.schedule.validated(self._judged(metrics, self.config.schedule.metric, None))
            if self.best is None:
                return False
            config = self.best.config
            return self.best.update(self.model, self._judged(metrics, config.metric, config.label))

    def _judged(self, metrics: dict[str, Any], metric: str, label: str | None) -> dict[str, float | None]:
        return metrics_to_judge(metric, label, metrics) if self.labels else metrics

    def _report(self, event: str, epoch: int) -> dict[str, Any]:
        return {
            "event": event,
            "epoch": epoch,
            "step": self.clock.steps,
            "examples": self.clock.examples,
            "loss": self.loss,
            "seconds": self.clock.seconds,
            "examples_per_second": self.clock.examples_per_second,
        }
