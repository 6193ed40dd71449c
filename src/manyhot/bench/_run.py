"""run_bench: the training loop on a case, again and again, and what its time is made of."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from manyhot.data import Examples, Loader
from manyhot.nn import Model
from manyhot.schema import TableOptimizer, TrainingConfig
from manyhot.training import Learner, fit_model

from ._cases import Case, build_case, write_case
from ._limits import Bound, Limits, bound_of, measure_limits
from ._stages import TimedKernels

__all__ = ["BenchResult", "run_bench"]


@dataclass(frozen=True)
class BenchResult:
    """examples_per_second: the median of `rates`, each over whole passes of the training loop from Examples on disk,
    loader included. stages: microseconds per example: "gather" and "group" (one core, ahead of the loop), "forward" and
    "update" of the tables, "dense" (everything else of a step). from_memory: the rate with one batch again and again,
    without a loader. first_loss: of the first batch in the order of the file, before training, in float32."""

    case: str
    precision: str
    examples_per_second: float
    rates: list[float]
    from_memory: float
    first_loss: float
    stages: dict[str, float]
    distinct_rows: float
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
    model = build_case(case, optimizer=TableOptimizer())
    config = TrainingConfig(batch_size=case.batch_size, epochs=1, precision=precision)
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
        limits=limits,
        bound=bound_of(limits, model, distinct_rows=steps.distinct_rows, bfloat16=bfloat16) if limits else None,
    )


def _pass(model: Model, config: TrainingConfig, examples: Examples) -> float:
    return fit_model(model, config, examples, None, lambda report: None).examples_per_second


def _first_loss(model: Model, examples: Examples, batch_size: int) -> float:
    """In evaluation mode, so that nothing moves."""
    loader = Loader(examples, model.tables.layout, model.tables.kernels, batch_size)
    batch = loader.batch(np.arange(min(batch_size, examples.num_rows)))
    model.eval()
    with torch.no_grad():
        return binary_cross_entropy_with_logits(model(batch), torch.from_numpy(batch.labels)).item()


@dataclass(frozen=True)
class _Steps:
    rate: float
    stages: dict[str, float]
    distinct_rows: float


def _steps_from_memory(model: Model, config: TrainingConfig, examples: Examples, repeats: int) -> _Steps:
    """Batches made one after the other in this thread, and steps on the first of them."""
    timed = TimedKernels(model.tables.kernels)
    loader = Loader(examples, model.tables.layout, timed, config.batch_size, with_plan=True)
    rows = np.random.default_rng(0).permutation(examples.num_rows)
    count = min(len(rows) // config.batch_size, 30)
    batches = [loader.batch(rows[k * config.batch_size : (k + 1) * config.batch_size]) for k in range(count)]
    made = count * config.batch_size
    stages = {name: 1e6 * seconds / made for name, seconds in timed.seconds.items()}

    model.train()
    model.tables.kernels, native = timed, model.tables.kernels
    learner = Learner(model, config)
    steps = max(10, 200_000 // config.batch_size)
    taken = []
    for repeat in range(1 + repeats):
        if repeat == 1:  # the first was for warming up
            timed.seconds.clear()
        started = time.perf_counter()
        for _ in range(steps):
            learner.learn(batches[0])
        taken.append((time.perf_counter() - started) / (steps * config.batch_size))
    model.tables.kernels = native
    per_example = {name: 1e6 * s / (repeats * steps * config.batch_size) for name, s in timed.seconds.items()}
    stages |= per_example
    stages["dense"] = 1e6 * statistics.mean(taken[1:]) - sum(per_example.values())
    plan = batches[0].plan
    assert plan is not None
    return _Steps(1 / statistics.median(taken[1:]), stages, len(plan.rows) / config.batch_size)
