"""The training loop: batches in, weights moved, reports out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from manyhot.calibration import Calibrator
from manyhot.data import Examples, Loader
from manyhot.errors import TrainingError
from manyhot.kernels import Batch, Float32s
from manyhot.metrics import evaluate_logits
from manyhot.nn import Model, predict_logits
from manyhot.schema import TrainingConfig

from ._early_stopping import BestWeights
from ._learner import Learner
from ._reports import Listener

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
    model: Model, config: TrainingConfig, train: Examples, valid: Examples | None, listener: Listener
) -> Clock:
    """Trains in place; with early stopping the best weights are in the model at the end. Raises TrainingError."""
    loader = Loader(
        train,
        model.tables.layout,
        model.tables.kernels,
        config.batch_size,
        shuffle_seed=config.seed,
        with_plan=True,
        num_threads=config.threads,
    )
    best = BestWeights(config.early_stopping) if config.early_stopping else None
    loop = _Loop(model, Learner(model, config), loader, config, valid, best, listener)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        loop.run()
    if best is not None:
        best.restore(model)
    return loop.clock


def check_finite(logits: Float32s, step: int) -> Float32s:
    """The logits as they are; raises TrainingError where the step before has made the model score NaN or infinity."""
    if not np.isfinite(logits).all():
        raise TrainingError(f"after step {step} the model scores NaN or infinity; {_REMEDY}")
    return logits


def finite_logits(model: Model, examples: Examples, step: int) -> Float32s:
    """float32 [num_rows]. Raises TrainingError where the model scores NaN or infinity."""
    return check_finite(predict_logits(model, examples), step)


def evaluate(
    model: Model, examples: Examples, step: int, calibrator: Calibrator | None = None
) -> dict[str, float | None]:
    """Metrics on labelled examples, calibrated if so. Raises TrainingError where the model scores NaN or infinity."""
    labels = examples.labels
    assert labels is not None
    logits = finite_logits(model, examples, step)
    logits = logits if calibrator is None else calibrator(logits)
    return evaluate_logits(labels, logits, examples.example_weights, examples.groups)


@dataclass
class _Loop:
    model: Model
    learner: Learner
    loader: Loader
    config: TrainingConfig
    valid: Examples | None
    best: BestWeights | None
    listener: Listener
    clock: Clock = field(default_factory=Clock)
    loss: float = math.nan  # a running mean
    _reported: float = 0.0

    def run(self) -> None:
        self.listener({"event": "start", "examples": self.loader.num_rows, "epochs": self.config.epochs})
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
        metrics = evaluate(self.model, self.valid, self.clock.steps)
        self.listener({**self._report("valid", epoch), **metrics})
        return self.best is not None and self.best.update(self.model, metrics)

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
