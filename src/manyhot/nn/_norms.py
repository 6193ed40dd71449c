"""Batch norm and layer norm whose sums over a batch have one order, whatever the number of threads.

torch gives each thread some rows to sum, so that the last bits change with the number of threads; of all that models
here compute these two alone do (docs/reliability.md). Here they are what torch's are on one thread. N rows, C units.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["BatchNorm1d", "LayerNorm"]


class BatchNorm1d(nn.BatchNorm1d):
    """torch's over (N, C), with running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or len(x) < 2:
            return super().forward(x)
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked.add_(1)
        statistics = self.running_mean, self.running_var, self.momentum, self.eps
        normed: Tensor = _BatchNorm.apply(x, self.weight, self.bias, *statistics)  # type: ignore[no-untyped-call]
        return normed


class LayerNorm(nn.LayerNorm):
    """torch's, over the last dimensions."""

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor
        normed = _LayerNorm.apply(x, self.normalized_shape, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        return normed


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        momentum: float,
        eps: float,
    ) -> Tensor:
        with _on_one_thread():
            y, *saved = torch.native_batch_norm(x, weight, bias, mean, variance, True, momentum, eps)
        ctx.save_for_backward(x, weight, *saved)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *saved = ctx.saved_tensors
        with _on_one_thread():
            gradients = torch.ops.aten.native_batch_norm_backward(
                gradient, x, weight, None, None, *saved, True, ctx.eps, ctx.needs_input_grad[:3]
            )
        return (*gradients, None, None, None, None)


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: tuple[int, ...], weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        y, *saved = torch.native_layer_norm(x, shape, weight, bias, eps)
        ctx.save_for_backward(x, weight, bias, *saved)
        ctx.shape = shape
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, *saved = ctx.saved_tensors
        needed = [ctx.needs_input_grad[i] for i in (0, 2, 3)]
        with _on_one_thread():  # the weights' gradients are sums over rows
            by_x, by_weight, by_bias = torch.ops.aten.native_layer_norm_backward(
                gradient, x, ctx.shape, *saved, weight, bias, needed
            )
        return by_x, None, by_weight, by_bias, None


@contextlib.contextmanager
def _on_one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    if before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)
