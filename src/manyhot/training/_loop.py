"""The training loop: batches in, weights moved, reports out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from manyhot.calibration import Calibrator
from manyhot.data import Examples, Loader
from manyhot.errors import StoppedError, StorageError, TrainingError
from manyhot.kernels import Batch, Float32s
from manyhot.nn import Model, predict_logits
from manyhot.schema import SettledTraining

from ._bad_batches import REMEDY, BadBatches
from ._clock import Clock
from ._early_stopping import BestWeights
from ._keeper import Keeper
from ._labels import evaluate_labels, metrics_to_judge
from ._learner import BadBatchError, Learner
from ._reports import Listener
from ._schedule import RateSchedule
from ._settings import rows_an_epoch
from ._state import Arrays, Remembering, State
from ._stop import Asked, Stop

__all__ = ["check_finite", "evaluate", "finite_logits", "fit_model"]

_SECONDS_BETWEEN_REPORTS = 0.5
_SHOWN = 3  # rows in an error


def fit_model(
    model: Model,
    config: SettledTraining,
    train: Examples,
    valid: Examples | None,
    listener: Listener,
    labels: Sequence[str] = (),
    keeper: Keeper | None = None,
    stop: Stop | None = None,
    places: Callable[[Sequence[int]], list[str]] | None = None,
) -> Clock:
    """Trains in place; with early stopping the best weights are in the model at the end.

    labels: the names of several. keeper: of checkpoints; where it found one, training goes on from there. stop: by
    which it can be asked to. places: where rows of train come from, by number from 0, for errors. Raises TrainingError
    (StoppedError), StorageError.
    """
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
    stop = stop or Stop()
    bad_batches = BadBatches(config, len(labels), loader, places or train.places, listener)
    told = listener, labels, keeper, stop, bad_batches
    loop = _Loop(model, learner, loader, rows, config, valid, best, schedule, *told)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if keeper is not None:
            keeper.load(loop.parts())
        try:
            with stop.heeding():
                loop.run()
        except Asked:
            raise loop.stopped() from None
    if best is not None:
        best.restore(model)
    elif learner.averages is not None:
        learner.averages.put()
    loop.clock.skipped = bad_batches.skipped
    return loop.clock


def check_finite(logits: Float32s, step: int) -> Float32s:
    """The logits as they are; raises TrainingError where the step before has made the model score NaN or infinity."""
    if not np.isfinite(logits).all():
        raise TrainingError(f"after step {step} the model scores NaN or infinity; no model was saved: {REMEDY}")
    return logits


def finite_logits(
    model: Model, examples: Examples, step: int, before_batch: Callable[[], None] = lambda: None
) -> Float32s:
    """float32 [num_rows], or [num_rows, T] of several labels. Raises TrainingError where the model scores NaN or
    infinity, and names the first rows, among which may be one whose weights are wrong."""
    logits = predict_logits(model, examples, before_batch=before_batch)
    bad = np.flatnonzero(~np.isfinite(logits.reshape(len(logits), -1)).all(1))
    if len(bad):
        rows = ", ".join(examples.places(bad[:_SHOWN].tolist()))
        raise TrainingError(
            f"after step {step} the model scores {len(bad):,} of {len(logits):,} rows NaN or infinity: {rows}"
            f"{' ..' if len(bad) > _SHOWN else ''}; no model was saved: look at these rows, {REMEDY}"
        )
    return logits


def evaluate(
    model: Model,
    examples: Examples,
    step: int,
    names: Sequence[str] = (),
    calibrator: Calibrator | None = None,
    before_batch: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Metrics on labelled examples, {name: metrics} of several labels of these names, calibrated if so.

    before_batch: as in `predict_logits`. Raises TrainingError where the model scores NaN or infinity.
    """
    labels = examples.labels
    assert labels is not None
    logits = finite_logits(model, examples, step, before_batch)
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
    labels: Sequence[str]
    keeper: Keeper | None
    stop: Stop
    bad_batches: BadBatches
    clock: Clock = field(default_factory=Clock)
    loss: float = math.nan  # a running mean
    epoch: int = 1
    batches: int = 0  # of this epoch that are done
    looks: int = 0  # at valid
    looked: bool = True  # as often as validate_every says by now
    done: bool = False
    _reported: float = 0.0

    def parts(self) -> dict[str, Remembering]:
        """All that has a state."""
        parts: dict[str, Remembering] = {"loop": self, "clock": self.clock, "schedule": self.schedule}
        parts["non_finite"] = self.bad_batches
        return {**parts, "learner": self.learner, **({"best": self.best} if self.best is not None else {})}

    def state(self) -> State:
        """Where it is."""
        values = {name: getattr(self, name) for name in ("epoch", "batches", "looks", "looked", "done")}
        return {**values, "loss": None if math.isnan(self.loss) else self.loss}, {}

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave."""
        for name in ("epoch", "batches", "looks", "looked", "done"):
            setattr(self, name, values[name])
        self.loss = math.nan if values["loss"] is None else values["loss"]

    def run(self) -> None:
        epochs, step = self.config.epochs, self.clock.steps
        start = {"event": "start", "examples": self.rows_an_epoch, "epochs": epochs, "step": step, "looks": self.looks}
        self.listener(start)
        self.model.train()
        if not self.done:
            self._epochs()
            self.done = True
            self._keep(epoch_ended=0)

    def _epochs(self) -> None:
        """Until patience runs out, or to the end; from where it is."""
        every = self.config.validate_every
        if not self.looked and self._look():
            return
        while self.epoch <= self.config.epochs:
            for _ in self._steps():
                if every and self.clock.steps % every == 0 and self._look():
                    return
                self._keep()
            if not every and self._validate():
                return
            self.epoch, self.batches = self.epoch + 1, 0
            self._keep(epoch_ended=self.epoch - 1)
        if every and self.clock.steps % every:  # the steps since the last look count too
            self._validate()

    def _steps(self) -> Iterator[None]:
        started = time.perf_counter()
        for batch in self.loader.epoch(self.epoch, self.batches):
            self._learn(batch)
            self.batches += 1
            now = time.perf_counter()
            self.clock.add(batch.jagged.num_examples, now - started)
            if now - self._reported > _SECONDS_BETWEEN_REPORTS:
                self._reported = now
                self.listener(self._report("progress"))
            yield
            started = time.perf_counter()

    def _learn(self, batch: Batch) -> None:
        self.learner.set_rates(self.schedule.factor(self.clock.steps + 1))
        try:
            value = self.learner.learn(batch, self.bad_batches.largest_loss)
        except BadBatchError as error:
            logits = self.learner.logits(batch)
            self.bad_batches.met(str(error), logits, self.epoch, self.batches, self.clock.steps + 1)
            return
        if value is None:
            return
        self.loss = value if math.isnan(self.loss) else 0.98 * self.loss + 0.02 * value
        self.bad_batches.passed(self.loss)

    def _look(self) -> bool:
        """`_validate` between two steps; one that is cut short is made up for by who goes on from the checkpoint."""
        self.looked = False
        ended = self._validate()
        self.looked = True
        return ended

    def _validate(self) -> bool:
        """Reports on valid; whether to stop."""
        if self.valid is None:
            return False
        averages = self.learner.averages
        with averages.in_place() if averages else contextlib.nullcontext():
            step = self.clock.steps
            metrics = evaluate(self.model, self.valid, step, self.labels, before_batch=self.stop.check)
            self.listener({**self._report("valid"), **({"labels": metrics} if self.labels else metrics)})
            self.looks += 1
            if self.config.schedule is not None:
                self.schedule.validated(self._judged(metrics, self.config.schedule.metric, None))
            if self.best is None:
                return False
            config = self.best.config
            return self.best.update(self.model, self._judged(metrics, config.metric, config.label))

    def _judged(self, metrics: dict[str, Any], metric: str, label: str | None) -> dict[str, float | None]:
        return metrics_to_judge(metric, label, metrics) if self.labels else metrics

    def _keep(self, *, epoch_ended: int | None = None) -> None:
        """A checkpoint, where one is due."""
        self.stop.check()
        if self.keeper is not None and self.keeper.due(epoch_ended, self.learner.num_bytes):
            self.keeper.write(self.clock.steps, self.parts())

    def stopped(self) -> StoppedError:
        """With a checkpoint, and what to say."""
        step = self.clock.steps
        if self.keeper is None:
            return StoppedError(f"stopped after step {step:,}; no checkpoint was to be kept", step, None)
        try:
            path = self.keeper.write_now(step, self.parts())
        except StorageError as error:
            return StoppedError(f"stopped after step {step:,}, and this step is lost: {error}", step, None)
        return StoppedError(f"stopped after step {step:,}; training can go on from {path}", step, path)

    def _report(self, event: str) -> dict[str, Any]:
        return {
            "event": event,
            "epoch": min(self.epoch, self.config.epochs),
            "step": self.clock.steps,
            "examples": self.clock.examples,
            "loss": self.loss,
            "seconds": self.clock.seconds,
            "examples_per_second": self.clock.examples_per_second,
        }
