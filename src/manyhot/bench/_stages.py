"""Kernels that keep time: the same results, and how long each of them took."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

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
    """See Kernels. seconds: by name of the stage, summed."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts what happens inside."""
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started

    def store(self, num_fields: int) -> ExampleStore:
        return _TimedStore(self._kernels.store(num_fields), self)

    def plan_rows(self, jagged: Jagged, num_table_rows: int) -> RowPlan:
        with self.stage("group"):
            return self._kernels.plan_rows(jagged, num_table_rows)

    def forward(self, lookup: Lookup, jagged: Jagged) -> Outputs:
        with self.stage("forward"):
            return self._kernels.forward(lookup, jagged)

    def gradients(self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients) -> Float32s:
        with self.stage("update"):
            return self._kernels.gradients(lookup, plan, outputs, gradients)

    def update(
        self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients, step: OptimizerStep
    ) -> None:
        with self.stage("update"):
            self._kernels.update(lookup, plan, outputs, gradients, step)


class _TimedStore:
    def __init__(self, store: ExampleStore, timed: TimedKernels) -> None:
        self._store, self._timed = store, timed

    @property
    def num_rows(self) -> int:
        return self._store.num_rows

    def add(self, offsets: Int32s, ids: Int32s, weights: Float32s | None, labels: Float32s | None) -> None:
        self._store.add(offsets, ids, weights, labels)

    def gather(
        self, rows: npt.NDArray[np.int64], bases: Int32s, combiners: npt.NDArray[np.uint8]
    ) -> tuple[Jagged, Float32s]:
        with self._timed.stage("gather"):
            return self._store.gather(rows, bases, combiners)
