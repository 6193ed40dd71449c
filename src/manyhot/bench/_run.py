"""run_bench: the training loop on a case, again and again, and what its time is made of."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from manyhot.data import Examples, Loader
from manyhot.nn import Model
from manyhot.schema import SettledTraining, TableOptimizer
from manyhot.training import Learner, fit_model

from ._cases import Case, build_case, write_case
from ._limits import Bound, Limits, bound_of, measure_limits
from ._stages import TimedKernels

__all__ = ["BenchResult", "run_bench"]


@dataclass(frozen=True)
class BenchResult:
    """examples_per_second: the median of `rates`, each of a pass of the training loop over Examples on disk, loader
    included. from_memory: the rate with one batch again and again, without a loader. first_loss: of the first batch in
    the order of the file, before training, in float32. stages: microseconds per example, all cores at each: "gather"
    and "group" make a batch, "forward" and "update" are the tables', "dense" is everything else of a step.
    distinct_rows: of a batch, per example. table_ns_per_pair: "group", "forward" and "update", nanoseconds a pair."""

    case: str
    precision: str
    examples_per_second: float
    rates: list[float]
    from_memory: float
    first_loss: float
    stages: dict[str, float]
    distinct_rows: float
    table_ns_per_pair: float
    limits: Limits | None
    bound: Bound | None

    @property
    def share(self) -> float | None:
        """Of what the machine's limits allow."""
        return None if self.bound is None else self.bound.total * self.examples_per_second * 1e-6


def run_bench(
    case: Case,
    folder: Path,
    *,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    repeats: int = 5,
    num_examples: int | None = None,
    with_limits: bool = True,
    threads: int | None = None,
    on_stage: Callable[[str], None] = lambda text: None,
) -> BenchResult:
    """Trains the case for one pass that is not counted and `repeats` that are. folder: where its Examples are kept."""
    torch.set_num_threads(threads or torch.get_num_threads())
    on_stage("Examples on disk")
    examples = write_case(case, folder, num_examples=num_examples)
    limits = None
    if with_limits:
        on_stage("limits of this machine")
        limits = measure_limits(case.layout.num_rows)
    model = build_case(case, optimizer=TableOptimizer(optimizer="adagrad"))
    config = SettledTraining(batch_size=case.batch_size, epochs=1, precision=precision, threads=threads)
    first_loss = _first_loss(model, examples, case.batch_size)
    on_stage("training loop")
    rates = [_pass(model, config, examples) for _ in range(1 + repeats)][1:]
    on_stage("stages of a step")
    steps = _steps_from_memory(model, config, examples, repeats)
    bfloat16 = model.deep_in_bfloat16
    return BenchResult(
        case=case.name,
        precision="bfloat16" if bfloat16 else "float32",
        examples_per_second=statistics.median(rates),
        rates=rates,
        from_memory=steps.rate,
        first_loss=first_loss,
        stages=steps.stages,
        distinct_rows=steps.distinct_rows,
        table_ns_per_pair=1e3 * sum(steps.stages[s] for s in ("group", "forward", "update")) / case.pairs_per_example,
        limits=limits,
        bound=bound_of(limits, model, distinct_rows=steps.distinct_rows, bfloat16=bfloat16) if limits else None,
    )


def _pass(model: Model, config: SettledTraining, examples: Examples) -> float:
    return fit_model(model, config, examples, None, lambda report: None).examples_per_second


def _first_loss(model: Model, examples: Examples, batch_size: int) -> float:
    """In evaluation mode, so that nothing moves."""
    loader = Loader(examples, model.tables.layout, model.tables.kernels, batch_size)
    (batch,) = loader.batches([np.arange(min(batch_size, examples.num_rows))])
    model.eval()
    with torch.no_grad():
        return binary_cross_entropy_with_logits(model(batch), torch.from_numpy(batch.labels)).item()


@dataclass(frozen=True)
class _Steps:
    rate: float
    stages: dict[str, float]
    distinct_rows: float


def _steps_from_memory(model: Model, config: SettledTraining, examples: Examples, repeats: int) -> _Steps:
    """Batches alone, and steps on one of them."""
    tables, timed = model.tables, TimedKernels(model.tables.kernels)
    making = {}
    for with_plan in (False, True):
        settings: dict[str, Any] = {"shuffle_seed": 1, "with_plan": with_plan, "num_threads": config.threads}
        loader = Loader(examples, tables.layout, timed, config.batch_size, **settings)
        making[with_plan] = statistics.median(_seconds_of_batches(loader, number) for number in range(repeats))
    batch = next(loader.epoch())
    assert batch.plan is not None

    model.train()
    tables.kernels = timed
    learner = Learner(model, config)
    steps = max(10, 100_000 // config.batch_size)
    examples_a_repeat = steps * batch.jagged.num_examples
    taken = []
    for repeat in range(1 + repeats):
        if repeat == 1:  # the first was for warming up
            timed.seconds.clear()
        started = time.perf_counter()
        for _ in range(steps):
            learner.learn(batch)
        taken.append((time.perf_counter() - started) / examples_a_repeat)
    tables.kernels = timed.kernels
    kernels = {name: 1e6 * seconds / (repeats * examples_a_repeat) for name, seconds in timed.seconds.items()}
    stages = {
        "gather": 1e6 * making[False],
        "group": 1e6 * (making[True] - making[False]),
        **kernels,
        "dense": 1e6 * statistics.mean(taken[1:]) - sum(kernels.values()),
    }
    return _Steps(1 / statistics.median(taken[1:]), stages, len(batch.plan.rows) / batch.jagged.num_examples)


def _seconds_of_batches(loader: Loader, epoch: int) -> float:
    """Per example, over some of an epoch."""
    started, count = time.perf_counter(), 0
    for batch in loader.epoch(epoch):
        count += batch.jagged.num_examples
        if count >= 200_000:
            break
    return (time.perf_counter() - started) / count
