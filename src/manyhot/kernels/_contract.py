"""What every implementation of the kernels computes, and the arrays that go in and out.

Letters: B examples, F fields, N pairs, V table rows, D latent size, R distinct rows of a batch.

A table is one float32 array [V, stride]; a row is [latent D | linear 1 | states of latent | states of linear |
padding], and a rule with two states a number keeps all first ones before all second ones. Tables of several
vocabularies are stacked in it, so an id here is a row of the whole; their rules, and so their states, may differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from manyhot.schema import TableOptimizer

__all__ = [
    "Batch",
    "ExampleStore",
    "Float32s",
    "Gradients",
    "Int32s",
    "Jagged",
    "Kernels",
    "Lookup",
    "OptimizerStep",
    "Outputs",
    "Pooled",
    "RowPlan",
    "RowRange",
    "new_table",
    "row_stride",
    "state_places",
]

Float32s: TypeAlias = npt.NDArray[np.float32]
Int32s: TypeAlias = npt.NDArray[np.int32]
Pooled: TypeAlias = Float32s | npt.NDArray[np.uint16]

# Floats of state that a rule keeps for each parameter; rowwise_adagrad keeps one for all of a row.
_STATES = {"sgd": 0, "adagrad": 1, "proximal_adagrad": 1, "ftrl": 2, "adam": 2, "adamw": 2}


@dataclass(frozen=True)
class Jagged:
    """A batch of bags, row-major: bag b*F+f holds the pairs offsets[b*F+f] .. offsets[b*F+f+1].

    ids int32 [N] rows of the table; weights float32 [N], already normalised by the combiner, or None where all are 1;
    offsets int32 [B*F+1], offsets[0] = 0.
    """

    ids: Int32s
    weights: Float32s | None
    offsets: Int32s
    num_fields: int

    @property
    def num_examples(self) -> int:
        """B."""
        return (len(self.offsets) - 1) // self.num_fields


@dataclass(frozen=True)
class RowPlan:
    """The pairs of a batch grouped by row, those of one row in the order of the batch.

    rows int32 [R] rising; starts int32 [R+1] into the others; bags int32 [N], the bag b*F+f of each pair; weights
    float32 [N] or None where all are 1.
    """

    rows: Int32s
    starts: Int32s
    bags: Int32s
    weights: Float32s | None


@dataclass(frozen=True)
class Batch:
    """jagged: B examples with ids that are table rows; labels float32 [B], of several [B, T] with NaN for one that is
    missing, empty where unknown; plan: the pairs grouped by row, None where no backward pass is meant; example_weights
    float32 [B], None where no example has any; groups uint64 [B], 0 for an example without, None where no loss asks for
    them."""

    jagged: Jagged
    labels: Float32s
    plan: RowPlan | None
    example_weights: Float32s | None = None
    groups: npt.NDArray[np.uint64] | None = None


@dataclass(frozen=True)
class Lookup:
    """A table and how it is read.

    table float32 [V, stride]; dim: D. field_pairs: bi leaves out pairs inside a field. bfloat16: pooled comes out as
    bfloat16, for a dense part that computes in it; not together with field_pairs. num_threads: changes no bit.
    """

    table: Float32s
    dim: int
    field_pairs: bool = False
    bfloat16: bool = False
    num_threads: int = 1


@dataclass(frozen=True)
class Outputs:
    """linear [B, F], pooled [B, F, D], sum [B, D] (pooled over fields), bi [B, D]; float32.

    pooled is uint16, the bits of bfloat16, where the lookup says so.
    """

    linear: Float32s
    pooled: Pooled
    sum: Float32s
    bi: Float32s


@dataclass(frozen=True)
class Gradients:
    """Of the loss by linear [B, F], pooled [B, F, D] (float32, or uint16 as in Outputs) and bi [B, D]; None where the
    loss does not depend on it."""

    linear: Float32s | None
    pooled: Pooled | None
    bi: Float32s | None


@dataclass(frozen=True)
class RowRange:
    """How the rows below `end`, from the end of the range before it, move: their latent numbers and linear weight."""

    end: int
    latent: TableOptimizer
    linear: TableOptimizer


@dataclass(frozen=True)
class OptimizerStep:
    """One step of the table optimizers (formulas: docs/semantics.md, section 3).

    ranges: of the whole table, ends rising, the last one V. step counts from 1, over all rows. rate_factor multiplies
    every learning rate.
    """

    ranges: tuple[RowRange, ...]
    step: int
    rate_factor: float = 1.0

    def corrections(self, config: TableOptimizer) -> tuple[float, float]:
        """Adam's 1 - beta1^t and sqrt(1 - beta2^t); computed in float64."""
        return 1 - config.beta1**self.step, math.sqrt(1 - config.beta2**self.step)


class ExampleStore(Protocol):
    """Chunks of Examples from which batches are gathered."""

    @property
    def num_rows(self) -> int:
        """Examples added."""

    def add(
        self,
        offsets: Int32s,
        ids: Int32s,
        weights: Float32s | None,
        labels: Float32s | None,
        example_weights: Float32s | None = None,
    ) -> None:
        """Appends a chunk: offsets [rows*F+1], ids and weights [N] (weights None: all 1), labels [rows] or
        [rows, T] of several, or None, example_weights [rows] (None: all 1). The arrays are kept, not copied; a
        gather raises ValueError where their offsets no longer fit."""

    def gather(
        self,
        batches: Sequence[npt.NDArray[np.int64]],
        bases: Int32s,
        combiners: npt.NDArray[np.uint8],
        *,
        num_table_rows: int | None = None,
        num_threads: int = 1,
    ) -> list[Batch]:
        """For each array of row numbers the rows in this order. Of field f, bases[f] is added to ids and weights are
        normalised by combiners[f] (0 sum: x; 1 mean: x/sum(x); 2 sqrtn: x/sqrt(sum x^2); 1 and 2 leave out x <= 0).
        Labels are empty unless every chunk has them.
        num_table_rows: make row plans for a table of so many rows. num_threads: each makes whole batches."""


class Kernels(Protocol):
    """The contract. Arrays are C-contiguous, and no other thread changes them during a call. Another dtype or layout
    raises TypeError; wrong shapes, ids outside the table, offsets that fall, more than 2^31 - 1 pairs or bags, settings
    that are not finite, and arrays to be written that overlap others raise ValueError, before anything is written."""

    def store(self, num_fields: int, num_labels: int = 1) -> ExampleStore:
        """An empty store of Examples; num_labels: T."""

    def plan_rows(self, jagged: Jagged, num_table_rows: int) -> RowPlan:
        """Groups pairs by row."""

    def forward(self, lookup: Lookup, jagged: Jagged) -> Outputs:
        """linear_f = sum_i x_i w_i; pooled_f = sum_i x_i v_i; bi = 1/2 ((sum_f pooled_f)^2 - sum_i (x_i v_i)^2), with
        field_pairs sum_f pooled_f^2 subtracted instead (docs/semantics.md, section 2)."""

    def gradients(self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients) -> Float32s:
        """Gradient by each distinct row, [R, D+1]: latent, then linear; occurrences summed in the order of the plan.
        outputs: of the forward pass over the same batch."""

    def update(
        self, lookup: Lookup, plan: RowPlan, outputs: Outputs, gradients: Gradients, step: OptimizerStep
    ) -> None:
        """Moves each distinct row once, by its summed gradient, in place; by a gradient of zero also all other rows
        whose optimizer has l2_rows = "all"."""

    def move(
        self, lookup: Lookup, rows: Int32s, gradients: Float32s, step: OptimizerStep, *, factor: float = 1.0
    ) -> None:
        """The second half of `update`: rows int32 [R] rising, their gradients [R, D+1], each multiplied by factor."""


def state_places(dim: int, latent: str, linear: str) -> tuple[list[slice], list[slice]]:
    """Where in a row the states of the two rules lie; a slice for each state, of D or 1 numbers."""
    places, first = [], dim + 1
    for rule, params in ((latent, dim), (linear, 1)):
        sizes = [min(params, 1)] if rule == "rowwise_adagrad" else [params] * _STATES[rule]
        places.append([slice(first + sum(sizes[:k]), first + sum(sizes[: k + 1])) for k in range(len(sizes))])
        first += sum(sizes)
    return places[0], places[1]


def row_stride(dim: int, latent: str, linear: str | None = None) -> int:
    """Floats from one row to the next under two rules (linear None: the same one): short rows take a power of two, long
    ones whole cache lines of 16 floats."""
    floats: int = max([dim + 1, *(p.stop for places in state_places(dim, latent, linear or latent) for p in places)])
    return 1 << (floats - 1).bit_length() if floats <= 16 else -(-floats // 16) * 16


def new_table(num_rows: int, stride: int) -> Float32s:
    """Zeros [num_rows, stride], float32, starting at a cache line."""
    memory = np.zeros(num_rows * stride + 16, np.float32)
    first = (-memory.ctypes.data % 64) // 4
    return memory[first : first + num_rows * stride].reshape(num_rows, stride)
