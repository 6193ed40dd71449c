"""What this machine can do at best: multiply, gather rows, copy; and the time per example that this allows a case."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import embedding_bag

from manyhot.nn import DeepHead, Model

__all__ = ["Bound", "Limits", "bound_of", "measure_limits"]

_REPEATS = 5


@dataclass(frozen=True)
class Limits:
    """flops_float32, flops_bfloat16: of a large matmul, per second. rows_per_second: random rows of 64 bytes read and
    summed, from a table as large as the case's (torch's embedding_bag). bytes_per_second: read and written by a copy.
    num_threads: torch's."""

    flops_float32: float
    flops_bfloat16: float
    rows_per_second: float
    bytes_per_second: float
    num_threads: int


@dataclass(frozen=True)
class Bound:
    """Microseconds per example that the limits allow: the matmuls of the MLP (three for each layer); the distinct rows
    of a batch, read once forward, read and written once backward; pooled and its gradient, written and read once."""

    matmuls: float
    rows: float
    activations: float

    @property
    def total(self) -> float:
        """All three: each keeps every core busy, so that they add up."""
        return self.matmuls + self.rows + self.activations


def measure_limits(num_rows: int) -> Limits:
    """On an idle machine; num_rows: of the case's table."""
    return Limits(
        flops_float32=_matmul_rate(torch.float32),
        flops_bfloat16=_matmul_rate(torch.bfloat16),
        rows_per_second=_row_rate(num_rows),
        bytes_per_second=_copy_rate(),
        num_threads=torch.get_num_threads(),
    )


def bound_of(limits: Limits, model: Model, *, distinct_rows: float, bfloat16: bool) -> Bound:
    """distinct_rows: of a batch, per example."""
    deep = [head for head in model.heads.values() if isinstance(head, DeepHead)]
    layers = [layer for head in deep for layer in head.mlp if isinstance(layer, torch.nn.Linear)]
    flops = 3 * sum(2 * layer.in_features * layer.out_features for layer in layers)
    lines = -(-(model.tables.dim + 1) * 4 // 64)
    lines_with_state = -(-model.tables.data.shape[1] * 4 // 64)
    pooled_bytes = sum(layer.in_features for layer in layers[:1]) * (2 if bfloat16 else 4)
    return Bound(
        matmuls=1e6 * flops / (limits.flops_bfloat16 if bfloat16 else limits.flops_float32),
        rows=1e6 * distinct_rows * (lines + 2 * lines_with_state) / limits.rows_per_second,
        activations=1e6 * 4 * pooled_bytes / limits.bytes_per_second,
    )


def _seconds(work: Callable[[], object]) -> float:
    """Of one call: the median of a few, after one that is not counted."""
    work()
    taken = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _matmul_rate(dtype: torch.dtype) -> float:
    size = 2048
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    return 2 * size**3 / _seconds(lambda: a @ b)


def _row_rate(num_rows: int) -> float:
    """Bags of 32 rows at random places: how fast memory gives rows, not how long one of them takes."""
    table, count = torch.zeros(num_rows, 16), 1 << 19
    ids = torch.randint(num_rows, (count // 32, 32))
    return count / _seconds(lambda: embedding_bag(ids, table, mode="sum"))


def _copy_rate() -> float:
    source = torch.zeros(1 << 25)
    target = torch.zeros(1 << 25)
    return 2 * 4 * source.numel() / _seconds(lambda: target.copy_(source))
