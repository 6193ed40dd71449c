"""Tables: the linear and latent rows of all vocabularies, read in one gather and moved inside the backward pass."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from manyhot.data import TableLayout
from manyhot.kernels import (
    Batch,
    Float32s,
    Gradients,
    Int32s,
    Jagged,
    Kernels,
    Lookup,
    OptimizerStep,
    Outputs,
    RowPlan,
    new_table,
)
from manyhot.schema import Initializer, TableOptimizer, TableOptimizers

from ._initialise import draw
from ._members import by_bag
from ._memory import require_memory
from ._outputs import TableOutputs
from ._row_ranges import numbers_of, row_ranges, set_first_states, stride_of

__all__ = ["Tables"]


class Tables:
    """One float32 array [V, stride] that holds every vocabulary's rows; no torch parameter.

    layout: where the vocabularies lie. dim: D, 0 for linear weights only. optimizer: how rows move when a loss is
    differentiated, the same everywhere or by vocabulary; None leaves them and keeps the gradients of the last backward
    pass in `row_gradients` (rows int32 [R], float32 [R, D+1]). So does `keeps_gradients`, until `move` moves the rows
    by them. rate_factor multiplies the learning rates. field_pairs: bi leaves out pairs inside a field. threads: None
    is torch's number. Raises ConfigError where the rows do not fit into memory.
    """

    def __init__(
        self,
        layout: TableLayout,
        dim: int,
        kernels: Kernels,
        *,
        optimizer: TableOptimizer | TableOptimizers | None = None,
        field_pairs: bool = False,
        threads: int | None = None,
    ) -> None:
        self.layout, self.dim, self.kernels, self.optimizer = layout, dim, kernels, optimizer
        self.field_pairs, self.threads, self.num_steps = field_pairs, threads, 0
        self.keeps_gradients, self.rate_factor = False, 1.0
        self.row_gradients: tuple[Int32s, Float32s] | None = None
        self._ranges = row_ranges(layout, optimizer or TableOptimizer(optimizer="sgd"))
        stride, self._used = stride_of(dim, self._ranges), numbers_of(dim, self._ranges)
        require_memory(layout.num_rows, 4 * stride)
        self.data = new_table(layout.num_rows, stride)
        set_first_states(self.data, dim, self._ranges)
        # Makes the lookup differentiable for autograd although no parameter of it is a torch tensor.
        self._anchor = torch.zeros(0, requires_grad=True)

    def initialise(self, seed: int, scale: float, kind: Initializer = "normal", linear_scale: float = 0.0) -> None:
        """Fresh latent rows and linear weights, these 0 under "glorot"; drawn by vocabulary name, whatever the order of
        fields."""
        for name in self.layout.ranges:
            generator = np.random.default_rng([seed, *name.encode()])
            draw(self.latent(name), generator, kind, scale)
            draw(self.linear(name)[:, None], generator, "zeros" if kind == "glorot" else kind, linear_scale)

    def latent(self, vocabulary: str) -> Float32s:
        """The latent table of a vocabulary, a view [V, D]."""
        return self.data[slice(*self.layout.ranges[vocabulary]), : self.dim]

    def linear(self, vocabulary: str) -> Float32s:
        """The linear table of a vocabulary, a view [V]."""
        return self.data[slice(*self.layout.ranges[vocabulary]), self.dim]

    def weights(self) -> Float32s:
        """A copy of all rows without optimizer state, [V, D+1]; `restore` puts it back."""
        return self.data[:, : self.dim + 1].copy()

    def restore(self, weights: Float32s) -> None:
        """Sets all rows to what `weights` gave."""
        self.data[:, : self.dim + 1] = weights

    def state(self) -> tuple[dict[str, Any], dict[str, Float32s]]:
        """Plain values, and all rows with their optimizer state, a view [V, numbers of a row] without padding."""
        return {"num_steps": self.num_steps}, {"rows": self.data[:, : self._used]}

    def load_state(self, values: dict[str, Any], arrays: dict[str, Float32s]) -> None:
        """Takes what `state` gave of tables of the same layout and optimizer."""
        self.num_steps = values["num_steps"]
        self.data[:, : self._used] = arrays["rows"]

    def __call__(self, batch: Batch, *, bfloat16: bool = False) -> TableOutputs:
        """One gather of each row; differentiating the result moves the rows (the batch then needs its row plan).
        bfloat16: pooled comes in that type, for heads that then compute in it."""
        linear, pooled, bi = self._apply(batch, bfloat16, self.field_pairs)
        return TableOutputs(linear, pooled.bfloat16() if bfloat16 else pooled, bi)

    def by_bag(self, batch: Batch, member_fields: tuple[int, ...]) -> TableOutputs:
        """The same with `within`, and `members` of these fields; still one gather and one update of each row."""
        return by_bag(self._apply_within, batch, member_fields, self.field_pairs, self._plan_rows)

    def _apply(self, batch: Batch, bfloat16: bool, field_pairs: bool) -> tuple[Tensor, Tensor, Tensor]:
        outputs: tuple[Tensor, Tensor, Tensor]
        outputs = _Lookup.apply(self._anchor, self, batch, bfloat16, field_pairs)  # type: ignore[no-untyped-call]
        return outputs

    def _apply_within(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Of a batch of one field; bi is of the pairs inside it."""
        return self._apply(batch, False, False)

    def _plan_rows(self, jagged: Jagged) -> RowPlan:
        return self.kernels.plan_rows(jagged, self.layout.num_rows)

    def gather(self, batch: Batch, *, bfloat16: bool = False) -> Outputs:
        """The kernels' forward pass. Pairs of fields need pooled again in the backward pass and get float32."""
        return self._gather(batch, bfloat16, self.field_pairs)

    def receive(self, batch: Batch, outputs: Outputs, gradients: Gradients) -> None:
        """The kernels' backward pass with the optimizer in it, or the gradients where there is none."""
        self._receive(batch, outputs, gradients, self.field_pairs)

    def _gather(self, batch: Batch, bfloat16: bool, field_pairs: bool) -> Outputs:
        return self.kernels.forward(self._lookup(field_pairs and batch.jagged, bfloat16), batch.jagged)

    def _receive(self, batch: Batch, outputs: Outputs, gradients: Gradients, field_pairs: bool) -> None:
        if batch.plan is None:
            raise ValueError("a backward pass needs batches with row plans: Loader(..., with_plan=True)")
        common = (self._lookup(field_pairs and batch.jagged), batch.plan, outputs, gradients)
        if self.optimizer is None or self.keeps_gradients:
            self.row_gradients = batch.plan.rows, self.kernels.gradients(*common)
            return
        self.num_steps += 1
        self.kernels.update(*common, OptimizerStep(self._ranges, self.num_steps, self.rate_factor))

    def move(self, factor: float) -> None:
        """Moves the rows by the gradients that were kept, multiplied by factor."""
        assert self.row_gradients is not None
        self.num_steps += 1
        step = OptimizerStep(self._ranges, self.num_steps, self.rate_factor)
        self.kernels.move(self._lookup(), *self.row_gradients, step, factor=factor)
        self.row_gradients = None

    def _lookup(self, without_pairs_in: Jagged | Literal[False] = False, bfloat16: bool = False) -> Lookup:
        """without_pairs_in: leaves out pairs inside these bags. Where none holds two, pairs of features are those of
        fields, and cheaper."""
        field_pairs = without_pairs_in is not False and bool((np.diff(without_pairs_in.offsets) > 1).any())
        threads = self.threads or torch.get_num_threads()
        return Lookup(self.data, self.dim, field_pairs, bfloat16 and not field_pairs, threads)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, anchor: Tensor, tables: Tables, batch: Batch, bfloat16: bool, field_pairs: bool
    ) -> tuple[Tensor, ...]:
        outputs = tables._gather(batch, bfloat16, field_pairs)
        ctx.set_materialize_grads(False)
        ctx.tables, ctx.batch, ctx.outputs, ctx.field_pairs = tables, batch, outputs, field_pairs
        pooled = torch.from_numpy(outputs.pooled)
        halved = pooled.view(torch.bfloat16) if pooled.dtype == torch.uint16 else pooled
        return torch.from_numpy(outputs.linear), halved, torch.from_numpy(outputs.bi)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[None, ...]:
        gradients = Gradients(*(None if g is None else _array(g) for g in grads))
        ctx.tables._receive(ctx.batch, ctx.outputs, gradients, ctx.field_pairs)
        return None, None, None, None, None


def _array(gradient: Tensor) -> npt.NDArray[Any]:
    """For the kernels: bfloat16 as its bits."""
    whole = gradient.contiguous()
    return (whole.view(torch.uint16) if whole.dtype == torch.bfloat16 else whole).numpy()
