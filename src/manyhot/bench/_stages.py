"""Kernels that keep time: the same results, and how long each of them took."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from manyhot.kernels import (
    ExampleStore,
    Float32s,
    Gradients,
    Int32s,
    Jagged,
    Kernels,
    Lookup,
    OptimizerStep,
    Outputs,
    RowPlan,
)

__all__ = ["TimedKernels"]


class TimedKernels:
    """See Kernels. seconds: of "forward" and "update", summed."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started

    def store(self, num_fields: int, num_labels: int = 1) -> ExampleStore:
        return self.kernels.store(num_fields, num_labels)

    def plan_rows(self, jagged: Jagged, num_table_rows: int) -> RowPlan:
        return self.kernels.plan_rows(jagged, num_table_rows)

    def forward(self, lookup: Lookup, jagged: Jagged) -> Outputs:
        with self._stage("forward"):
            return self.kernels.forward(lookup, jagged)

    def gradients(self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients) -> Float32s:
        with self._stage("update"):
            return self.kernels.gradients(lookup, plan, outputs, gradients)

    def update(
        self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients, step: OptimizerStep
    ) -> None:
        with self._stage("update"):
            self.kernels.update(lookup, plan, outputs, gradients, step)

    def move(
        self, lookup: Lookup, rows: Int32s, gradients: Float32s, step: OptimizerStep, *, factor: float = 1.0
    ) -> None:
        with self._stage("update"):
            self.kernels.move(lookup, rows, gradients, step, factor=factor)
