"""The contract over the C++ module: allocates outputs, passes arrays, does no maths."""

from __future__ import annotations

import numpy as np

from . import _native
from ._contract import STATES, ExampleStore, Float32s, Gradients, Int32s, Jagged, OptimizerStep, Outputs, RowPlan

__all__ = ["NativeKernels"]

_RULES = {name: number for number, name in enumerate(STATES)}  # the order of `enum class Rule` in native/optimizer.hpp


class NativeKernels:
    """See Kernels. Results have the same bits for any number of threads and any instruction set."""

    def store(self, num_fields: int) -> ExampleStore:
        return _native.ExampleStore(num_fields)

    def plan_rows(self, ids: Int32s, num_table_rows: int) -> RowPlan:
        return RowPlan(*_native.plan_rows(ids, num_table_rows))

    def forward(self, table: Float32s, dim: int, jagged: Jagged, field_pairs: bool, num_threads: int) -> Outputs:
        num_examples, num_fields = jagged.num_examples, jagged.num_fields
        out = Outputs(
            linear=np.empty((num_examples, num_fields), np.float32),
            pooled=np.empty((num_examples, num_fields, dim), np.float32),
            sum=np.empty((num_examples, dim), np.float32),
            bi=np.empty((num_examples, dim), np.float32),
        )
        _native.forward(
            table,
            dim,
            jagged.ids,
            jagged.weights,
            jagged.offsets,
            num_fields,
            field_pairs,
            out.linear,
            out.pooled,
            out.sum,
            out.bi,
            num_threads,
        )
        return out

    def gradients(
        self,
        table: Float32s,
        dim: int,
        jagged: Jagged,
        plan: RowPlan,
        gradients: Gradients,
        outputs: Outputs,
        field_pairs: bool,
        num_threads: int,
    ) -> Float32s:
        out = np.empty((len(plan.rows), dim + 1), np.float32)
        _backward(table, dim, jagged, plan, gradients, outputs, field_pairs, None, out, num_threads)
        return out

    def update(
        self,
        table: Float32s,
        dim: int,
        jagged: Jagged,
        plan: RowPlan,
        gradients: Gradients,
        outputs: Outputs,
        field_pairs: bool,
        step: OptimizerStep,
        num_threads: int,
    ) -> None:
        _backward(table, dim, jagged, plan, gradients, outputs, field_pairs, step, None, num_threads)


def _backward(
    table: Float32s,
    dim: int,
    jagged: Jagged,
    plan: RowPlan,
    gradients: Gradients,
    outputs: Outputs,
    field_pairs: bool,
    step: OptimizerStep | None,
    out: Float32s | None,
    num_threads: int,
) -> None:
    _native.backward(
        table,
        dim,
        jagged.ids,
        jagged.weights,
        jagged.offsets,
        jagged.num_fields,
        plan.rows,
        plan.starts,
        plan.order,
        jagged.bags,
        _flat(gradients.linear),
        _flat(gradients.pooled),
        _flat(gradients.bi),
        outputs.sum.reshape(-1),
        outputs.pooled.reshape(-1) if field_pairs else None,
        _numbers(step) if step else None,
        out,
        num_threads,
    )


def _flat(array: Float32s | None) -> Float32s | None:
    return None if array is None else array.reshape(-1)


def _numbers(step: OptimizerStep) -> tuple[float, ...]:
    o = step.config
    rule = _RULES[o.optimizer]
    moments = (o.beta1, o.beta2, o.epsilon, o.weight_decay, *step.corrections, 1 - o.beta1, 1 - o.beta2)
    return (rule, o.learning_rate, o.l1, o.l2, *moments)
