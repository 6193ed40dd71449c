"""An MLP in the number type of its input: float32, or bfloat16 with weights, statistics and gradients in float32.

torch.autocast does the latter in more steps: it keeps what ReLU was given beside what it gave, and writes the gradient
by the input twice, once in each type.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

__all__ = ["apply_mlp"]


def apply_mlp(layers: nn.Sequential, x: Tensor) -> Tensor:
    """The layers on x (B, inputs), float32 or bfloat16; then a Linear and the ReLU after it are one step."""
    if x.dtype == torch.float32:
        y: Tensor = layers(x)
        return y
    fused = False
    for layer, after in zip(layers, [*list(layers)[1:], None], strict=True):
        if fused:
            fused = False
        elif isinstance(layer, nn.Linear):
            fused = isinstance(after, nn.ReLU)
            x = _Linear.apply(x, layer.weight, layer.bias, fused)  # type: ignore[no-untyped-call]
        else:
            x = layer(x)
    return x


class _Linear(torch.autograd.Function):
    """relu(x @ weight.T + bias), or without relu; x bfloat16, weight (outputs, inputs) and bias (outputs,) float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
        weight = weight.to(x.dtype)
        y = linear(x, weight, None if bias is None else bias.to(x.dtype))
        if relu:
            y.relu_()
        ctx.relu, ctx.has_bias = relu, bias is not None
        ctx.save_for_backward(x, weight, y if relu else None)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        if ctx.relu:
            gradient = torch.ops.aten.threshold_backward(gradient, y, 0)
        by_x = gradient @ weight if ctx.needs_input_grad[0] else None
        by_weight = (gradient.t() @ x).float()
        by_bias = gradient.sum(0).float() if ctx.has_bias else None  # summed in float32, then rounded
        return by_x, by_weight, by_bias, None
