"""The kernels in plain torch: slow, short, and what the native ones are tested against."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from manyhot.schema import TableOptimizer

from ._checked import (
    check_chunk,
    check_counts,
    check_dim,
    check_gather,
    check_gradients,
    check_jagged,
    check_move,
    check_plan,
    check_ranges,
    check_threads,
    examples_of,
    flat_labels,
)
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
    state_places,
)
from .rules import move

__all__ = ["Occurrences", "ReferenceKernels", "forward_rows", "occurrences"]


class Occurrences(NamedTuple):
    """Pairs of a batch one by one: table row, weight and bag b*F+f of each, all [N]."""

    ids: Tensor
    weights: Tensor
    bags: Tensor


def forward_rows(rows: Tensor, pairs: Occurrences, shape: tuple[int, int], field_pairs: bool) -> tuple[Tensor, ...]:
    """linear, pooled, sum, bi from rows [V, D+1]; differentiable by rows. shape: B and F."""
    num_examples, num_fields = shape
    dim = rows.shape[1] - 1
    scaled = pairs.weights.to(rows.dtype)[:, None] * rows[pairs.ids]
    total = rows.new_zeros(num_examples * num_fields, dim + 1).index_add(0, pairs.bags, scaled)
    pooled = total[:, :dim].view(num_examples, num_fields, dim)
    squares = rows.new_zeros(num_examples, dim).index_add(0, pairs.bags // num_fields, scaled[:, :dim].square())
    subtracted = pooled.square().sum(1) if field_pairs else squares
    return (
        total[:, dim].view(num_examples, num_fields),
        pooled,
        pooled.sum(1),
        (pooled.sum(1).square() - subtracted) / 2,
    )


def occurrences(ids: npt.NDArray[np.integer], weights: Float32s | None, bags: npt.NDArray[np.integer]) -> Occurrences:
    """From the arrays of the contract; weights None: all 1."""
    x = torch.ones(len(ids)) if weights is None else torch.from_numpy(weights)
    return Occurrences(torch.from_numpy(ids).long(), x, torch.from_numpy(bags).long())


def _bags_of(jagged: Jagged) -> Int32s:
    return np.repeat(np.arange(len(jagged.offsets) - 1, dtype=np.int32), np.diff(jagged.offsets))


def _plan_rows(jagged: Jagged, num_table_rows: int) -> RowPlan:
    check_jagged(jagged, num_table_rows)
    rows, starts = np.unique(np.sort(jagged.ids), return_index=True)
    order = np.argsort(jagged.ids, kind="stable")
    ends = np.append(starts, len(order)).astype(np.int32)
    weights = None if jagged.weights is None else jagged.weights[order]
    return RowPlan(rows, ends, _bags_of(jagged)[order], weights)


class ReferenceKernels:
    """See Kernels."""

    def store(self, num_fields: int, num_labels: int = 1) -> ExampleStore:
        return ReferenceStore(num_fields, num_labels)

    def plan_rows(self, jagged: Jagged, num_table_rows: int) -> RowPlan:
        return _plan_rows(jagged, num_table_rows)

    def forward(self, lookup: Lookup, jagged: Jagged) -> Outputs:
        check_dim(lookup)
        examples_of(jagged)
        check_jagged(jagged, len(lookup.table))
        if lookup.bfloat16 and lookup.field_pairs:
            raise ValueError("pairs of fields need pooled in float32")
        rows = torch.from_numpy(lookup.table[:, : lookup.dim + 1])
        pairs, shape = (
            occurrences(jagged.ids, jagged.weights, _bags_of(jagged)),
            (jagged.num_examples, jagged.num_fields),
        )
        linear, pooled, total, bi = forward_rows(rows, pairs, shape, lookup.field_pairs)
        halved = pooled.to(torch.bfloat16).view(torch.uint16) if lookup.bfloat16 else pooled
        return Outputs(*(out.contiguous().numpy() for out in (linear, halved, total, bi)))

    def gradients(self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients) -> Float32s:
        check_dim(lookup)
        check_plan(lookup, plan, check_gradients(lookup, outputs, gradients))
        rows = torch.from_numpy(lookup.table[plan.rows, : lookup.dim + 1]).requires_grad_()
        ids = np.repeat(np.arange(len(plan.rows)), np.diff(plan.starts))
        num_examples, num_fields = outputs.linear.shape
        with torch.enable_grad():
            pairs = occurrences(ids, plan.weights, plan.bags)
            linear, pooled, _, bi = forward_rows(rows, pairs, (num_examples, num_fields), lookup.field_pairs)
            parts = ((linear, gradients.linear), (pooled, gradients.pooled), (bi, gradients.bi))
            loss = sum((out * _single(g)).sum() for out, g in parts if g is not None) + 0 * rows.sum()
        gradient: Tensor = torch.autograd.grad(loss, rows)[0]
        return gradient.numpy()

    def update(
        self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients, step: OptimizerStep
    ) -> None:
        summed = self.gradients(lookup, plan, outputs, gradients)
        check_ranges(lookup, step)
        read = [getattr(part, name) for part in (plan, gradients) for name in vars(part)]
        check_move(lookup, plan.rows, summed, [*read, outputs.sum, outputs.pooled if lookup.field_pairs else None])
        self._move(lookup, plan.rows, summed, step, 1.0)

    def move(
        self, lookup: Lookup, rows: Int32s, gradients: Float32s, step: OptimizerStep, *, factor: float = 1.0
    ) -> None:
        check_dim(lookup)
        check_ranges(lookup, step)
        check_move(lookup, rows, gradients, (rows, gradients))
        self._move(lookup, rows, gradients, step, factor)

    def _move(self, lookup: Lookup, rows: Int32s, gradients: Float32s, step: OptimizerStep, factor: float) -> None:
        table, dim, first = lookup.table, lookup.dim, 0
        for of in step.ranges:
            here = (rows >= first) & (rows < of.end)
            latent_states, linear_states = state_places(dim, of.latent.optimizer, of.linear.optimizer)
            parts = ((of.latent, slice(0, dim), latent_states), (of.linear, slice(dim, dim + 1), linear_states))
            for config, place, states in parts:
                moved, g = rows[here], torch.from_numpy(gradients[here, place]) * factor
                if config.l2_rows == "all":
                    everywhere = torch.zeros(of.end - first, g.shape[1])
                    everywhere[moved - first] = g
                    moved, g = np.arange(first, of.end, dtype=np.int32), everywhere
                if g.shape[1]:
                    _move(table, moved, [place, *states], config, step, g)
            first = of.end


def _move(
    table: Float32s, rows: Int32s, places: list[slice], config: TableOptimizer, step: OptimizerStep, g: Tensor
) -> None:
    numbers = [torch.from_numpy(table[rows, place]) for place in places]
    w, s0, s1 = numbers + [torch.zeros(0)] * (3 - len(numbers))
    lr = config.learning_rate * step.rate_factor
    new = move(config, lr, step.corrections(config), w, s0, s1, g)
    for place, number in zip(places, new, strict=False):
        table[rows, place] = number.numpy()


def _single(gradient: Pooled) -> Tensor:
    """float32 of what may be the bits of bfloat16."""
    given = torch.from_numpy(gradient)
    return given.view(torch.bfloat16).float() if given.dtype == torch.uint16 else given


class ReferenceStore:
    """See ExampleStore."""

    def __init__(self, num_fields: int, num_labels: int) -> None:
        check_counts(num_fields, num_labels)
        self.num_fields, self.num_labels = num_fields, num_labels
        self.bags: list[tuple[Int32s, Float32s]] = []
        self.labels: list[list[float]] = []
        self.is_labelled = True
        self.example_weights: list[float] = []
        self.has_example_weights = False

    @property
    def num_rows(self) -> int:
        return len(self.bags) // self.num_fields

    def add(
        self,
        offsets: Int32s,
        ids: Int32s,
        weights: Float32s | None,
        labels: Float32s | None,
        example_weights: Float32s | None = None,
    ) -> None:
        flat = None if labels is None else flat_labels(labels, self.num_labels)
        rows = check_chunk(self.num_fields, self.num_labels, offsets, ids, weights, flat, example_weights)
        weights = np.ones(len(ids), np.float32) if weights is None else weights
        self.bags += [(ids[a:b], weights[a:b]) for a, b in itertools.pairwise(offsets)]
        self.labels += [] if flat is None else flat.reshape(-1, self.num_labels).tolist()
        self.is_labelled &= rows == 0 or labels is not None
        self.example_weights += [1.0] * rows if example_weights is None else example_weights.tolist()
        self.has_example_weights |= rows > 0 and example_weights is not None

    def gather(
        self,
        batches: Sequence[npt.NDArray[np.int64]],
        bases: Int32s,
        combiners: npt.NDArray[np.uint8],
        *,
        num_table_rows: int | None = None,
        num_threads: int = 1,
    ) -> list[Batch]:
        check_gather(self.num_rows, self.num_fields, batches, bases, combiners)
        check_threads(num_threads)
        made = []
        for rows in batches:
            jagged = self._gather(rows, bases, combiners)
            labels = np.array([self.labels[row] for row in rows] if self.is_labelled else [], np.float32)
            labels = labels.reshape(-1) if self.num_labels == 1 else labels.reshape(-1, self.num_labels)
            plan = None if num_table_rows is None else _plan_rows(jagged, num_table_rows)
            weighted = np.array([self.example_weights[row] for row in rows], np.float32)
            made.append(Batch(jagged, labels, plan, weighted if self.has_example_weights else None))
        return made

    def _gather(self, rows: npt.NDArray[np.int64], bases: Int32s, combiners: npt.NDArray[np.uint8]) -> Jagged:
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
        x = np.concatenate([*weights, np.zeros(0, np.float32)])
        all_ids = np.concatenate([*ids, np.zeros(0, np.int32)]).astype(np.int32)
        return Jagged(all_ids, None if (x == 1).all() else x, offsets, self.num_fields)
