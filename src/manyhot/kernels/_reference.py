"""The kernels in plain torch: slow, short, and what the native ones are tested against."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ._contract import STATES, ExampleStore, Float32s, Gradients, Int32s, Jagged, OptimizerStep, Outputs, RowPlan
from .rules import move

__all__ = ["ReferenceKernels", "forward_rows"]


def forward_rows(rows: Tensor, ids: Tensor, jagged: Jagged, field_pairs: bool) -> tuple[Tensor, ...]:
    """linear, pooled, sum, bi from rows [V, D+1]; differentiable by rows."""
    num_examples, num_fields, dim = jagged.num_examples, jagged.num_fields, rows.shape[1] - 1
    bags = torch.repeat_interleave(torch.from_numpy(np.diff(jagged.offsets)).long())
    x = torch.ones(len(ids)) if jagged.weights is None else torch.from_numpy(jagged.weights)
    scaled = x.to(rows.dtype)[:, None] * rows[ids]
    total = rows.new_zeros(num_examples * num_fields, dim + 1).index_add(0, bags, scaled)
    pooled = total[:, :dim].view(num_examples, num_fields, dim)
    squares = rows.new_zeros(num_examples, dim).index_add(0, bags // num_fields, scaled[:, :dim].square())
    subtracted = pooled.square().sum(1) if field_pairs else squares
    return (
        total[:, dim].view(num_examples, num_fields),
        pooled,
        pooled.sum(1),
        (pooled.sum(1).square() - subtracted) / 2,
    )


def _check_ids(ids: Int32s, num_table_rows: int) -> None:
    if len(ids) and (ids.min() < 0 or ids.max() >= num_table_rows):
        raise ValueError("an id lies outside the table")


class ReferenceKernels:
    """See Kernels."""

    def store(self, num_fields: int) -> ExampleStore:
        return ReferenceStore(num_fields)

    def plan_rows(self, ids: Int32s, num_table_rows: int) -> RowPlan:
        _check_ids(ids, num_table_rows)
        rows, starts = np.unique(np.sort(ids), return_index=True)
        order = np.argsort(ids, kind="stable")
        return RowPlan(rows, np.append(starts, len(ids)).astype(np.int32), order.astype(np.int32))

    def forward(self, table: Float32s, dim: int, jagged: Jagged, field_pairs: bool, num_threads: int) -> Outputs:
        _check_ids(jagged.ids, len(table))
        rows, ids = torch.from_numpy(table[:, : dim + 1]), torch.from_numpy(jagged.ids).long()
        return Outputs(*(out.contiguous().numpy() for out in forward_rows(rows, ids, jagged, field_pairs)))

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
        rows = torch.from_numpy(table[plan.rows, : dim + 1]).requires_grad_()
        ids = torch.from_numpy(np.searchsorted(plan.rows, jagged.ids))
        with torch.enable_grad():
            linear, pooled, _, bi = forward_rows(rows, ids, jagged, field_pairs)
            parts = ((linear, gradients.linear), (pooled, gradients.pooled), (bi, gradients.bi))
            loss = sum((out * torch.from_numpy(g)).sum() for out, g in parts if g is not None) + 0 * rows.sum()
        gradient: Tensor = torch.autograd.grad(loss, rows)[0]
        return gradient.numpy()

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
        g = self.gradients(table, dim, jagged, plan, gradients, outputs, field_pairs, num_threads)
        params, states = dim + 1, STATES[step.config.optimizer]
        touched = torch.from_numpy(table[plan.rows]).float()
        w, s0, s1 = (touched[:, k * params : (k + 1) * params] for k in range(3))
        moved = move(step.config, step.corrections, w, s0, s1, torch.from_numpy(g))
        for k in range(1 + states):
            table[plan.rows, k * params : (k + 1) * params] = moved[k].numpy()


class ReferenceStore:
    """See ExampleStore."""

    def __init__(self, num_fields: int) -> None:
        self.num_fields = num_fields
        self.bags: list[tuple[Int32s, Float32s]] = []
        self.labels: list[float] = []

    @property
    def num_rows(self) -> int:
        return len(self.bags) // self.num_fields

    def add(self, offsets: Int32s, ids: Int32s, weights: Float32s | None, labels: Float32s | None) -> None:
        weights = np.ones(len(ids), np.float32) if weights is None else weights
        self.bags += [(ids[a:b], weights[a:b]) for a, b in itertools.pairwise(offsets)]
        self.labels += [] if labels is None else labels.tolist()

    def gather(
        self, rows: npt.NDArray[np.int64], bases: Int32s, combiners: npt.NDArray[np.uint8]
    ) -> tuple[Int32s, Float32s | None, Int32s, Int32s, Float32s]:
        ids, weights = [], []
        for row in rows:
            for f in range(self.num_fields):
                bag_ids, x = self.bags[row * self.num_fields + f]
                kept = (x > 0) | (combiners[f] == 0)
                x, wide = x[kept], x[kept].astype(np.float64)
                scale = (1.0, wide.sum(), np.sqrt(np.square(wide).sum()))[combiners[f]]
                ids.append(bag_ids[kept] + bases[f])
                weights.append((x / scale).astype(np.float32) if len(x) else x)
        lengths = [len(bag) for bag in ids]
        offsets = np.cumsum([0, *lengths]).astype(np.int32)
        bags = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
        x = np.concatenate([*weights, np.zeros(0, np.float32)])
        labels = np.array([self.labels[row] for row in rows] if self.labels else [], np.float32)
        all_ids = np.concatenate([*ids, np.zeros(0, np.int32)]).astype(np.int32)
        return all_ids, None if (x == 1).all() else x, offsets, bags, labels
