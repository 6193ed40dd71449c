"""The contract over the C++ module: allocates outputs, passes arrays, does no maths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.schema import TableOptimizer

from . import _native
from ._checked import check_dim, examples_of, flat_labels, is_array
from ._contract import (
    Batch,
    ExampleStore,
    Float32s,
    Gradients,
    Int32s,
    Jagged,
    Lookup,
    OptimizerStep,
    Outputs,
    Pooled,
    RowPlan,
)

__all__ = ["NativeKernels"]

# The order of `enum class Rule` in native/optimizer.hpp.
_RULES = {
    "sgd": 0,
    "adagrad": 1,
    "proximal_adagrad": 2,
    "ftrl": 3,
    "adam": 4,
    "adamw": 4,
    "rowwise_adagrad": 5,
}


class NativeKernels:
    """See Kernels. Results have the same bits for any number of threads and any instruction set."""

    def store(self, num_fields: int, num_labels: int = 1) -> ExampleStore:
        return NativeStore(num_fields, num_labels)

    def plan_rows(self, jagged: Jagged, num_table_rows: int) -> RowPlan:
        return RowPlan(*_native.plan_rows(jagged.ids, jagged.weights, jagged.offsets, num_table_rows))

    def forward(self, lookup: Lookup, jagged: Jagged) -> Outputs:
        if lookup.bfloat16 and lookup.field_pairs:
            raise ValueError("pairs of fields need pooled in float32")
        check_dim(lookup)
        num_examples, num_fields, dim = examples_of(jagged), jagged.num_fields, lookup.dim
        shape = (num_examples, num_fields, dim)
        pooled: Pooled = np.empty(shape, np.uint16) if lookup.bfloat16 else np.empty(shape, np.float32)
        out = Outputs(
            linear=np.empty((num_examples, num_fields), np.float32),
            pooled=pooled,
            sum=np.empty((num_examples, dim), np.float32),
            bi=np.empty((num_examples, dim), np.float32),
        )
        _native.forward(
            lookup.table,
            dim,
            jagged.ids,
            jagged.weights,
            jagged.offsets,
            num_fields,
            lookup.field_pairs,
            out.linear,
            *_single_or_half(out.pooled),
            out.sum,
            out.bi,
            lookup.num_threads,
        )
        return out

    def gradients(self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients) -> Float32s:
        check_dim(lookup)
        is_array(plan.rows, np.int32, 1)
        out = np.empty((len(plan.rows), lookup.dim + 1), np.float32)
        _backward(lookup, plan, outputs, gradients, None, out)
        return out

    def update(
        self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients, step: OptimizerStep
    ) -> None:
        _backward(lookup, plan, outputs, gradients, step, None)

    def move(
        self, lookup: Lookup, rows: Int32s, gradients: Float32s, step: OptimizerStep, *, factor: float = 1.0
    ) -> None:
        _native.move_rows(lookup.table, lookup.dim, rows, gradients, factor, _ranges(step), lookup.num_threads)


class NativeStore:
    """See ExampleStore."""

    def __init__(self, num_fields: int, num_labels: int) -> None:
        self._num_fields, self._num_labels = num_fields, num_labels
        self._chunks = _native.ExampleStore(num_fields, num_labels)

    @property
    def num_rows(self) -> int:
        return self._chunks.num_rows

    def add(
        self,
        offsets: Int32s,
        ids: Int32s,
        weights: Float32s | None,
        labels: Float32s | None,
        example_weights: Float32s | None = None,
    ) -> None:
        flat = None if labels is None else flat_labels(labels, self._num_labels)
        self._chunks.add(offsets, ids, weights, flat, example_weights)

    def gather(
        self,
        batches: Sequence[npt.NDArray[np.int64]],
        bases: Int32s,
        combiners: npt.NDArray[np.uint8],
        *,
        num_table_rows: int | None = None,
        num_threads: int = 1,
    ) -> list[Batch]:
        made = self._chunks.gather(list(batches), bases, combiners, num_table_rows, num_threads)
        return [
            Batch(
                Jagged(ids, weights, offsets, self._num_fields),
                labels if self._num_labels == 1 else labels.reshape(-1, self._num_labels),
                RowPlan(*plan) if plan else None,
                example_weights,
            )
            for ids, weights, offsets, labels, example_weights, plan in made
        ]


def _backward(
    lookup: Lookup,
    plan: RowPlan,
    outputs: Outputs,
    gradients: Gradients,
    step: OptimizerStep | None,
    out: Float32s | None,
) -> None:
    is_array(outputs.linear, np.float32, 2)
    is_array(outputs.sum, np.float32, 2)
    if lookup.field_pairs:
        is_array(outputs.pooled, np.float32, 3)
    num_examples, num_fields = outputs.linear.shape
    if len(outputs.sum) != num_examples:
        raise ValueError("the outputs are not of one batch")
    _native.backward(
        lookup.table,
        lookup.dim,
        plan.rows,
        plan.starts,
        plan.bags,
        plan.weights,
        gradients.linear,
        *_single_or_half(gradients.pooled),
        gradients.bi,
        outputs.sum,
        outputs.pooled if lookup.field_pairs else None,
        num_fields,
        _ranges(step) if step else None,
        out,
        lookup.num_threads,
    )


def _single_or_half(pooled: Pooled | None) -> tuple[Float32s | None, npt.NDArray[np.uint16] | None]:
    """pooled under the argument of its type."""
    if pooled is None:
        return None, None
    is_half = isinstance(pooled, np.ndarray) and pooled.dtype == np.uint16
    return (None, pooled) if is_half else (pooled, None)  # type: ignore[return-value]


def _ranges(step: OptimizerStep) -> list[tuple[int, tuple[Any, ...], tuple[Any, ...]]]:
    if step.step < 1:
        raise ValueError("steps count from 1")
    ranges = []
    for of in step.ranges:
        latent = _numbers(of.latent, step)
        ranges.append((of.end, latent, latent if of.linear is of.latent else _numbers(of.linear, step)))
    return ranges


def _numbers(o: TableOptimizer, step: OptimizerStep) -> tuple[Any, ...]:
    rate = o.learning_rate * step.rate_factor
    correction1, correction2 = step.corrections(o)
    adam = (1 - rate * o.decay, rate / correction1, correction2)
    moments = (o.beta1, o.beta2, o.epsilon, *adam, 1 - o.beta1, 1 - o.beta2)
    return (_RULES[o.optimizer], rate, o.l1, o.l2, *moments, o.penalty, o.l2_rows == "all")
