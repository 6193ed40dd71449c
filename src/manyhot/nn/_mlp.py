"""An MLP in float32, or in bfloat16 with weights, statistics and gradients in float32.

torch.autocast does the latter in more steps: it keeps what ReLU was given beside what it gave, and writes the gradient
by the input twice, once in each type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ._norms import BatchNorm1d

__all__ = ["MLP"]


class MLP(nn.Sequential):
    """Hidden layers and, with to_logit, a Linear to 1 (with a bias or without).

    layer_order "standard": Linear, BatchNorm, ReLU, Dropout; "article": Linear, ReLU, Dropout, BatchNorm.
    in_bfloat16: whether it computes in it while training. Takes (B, num_inputs) in either type, gives float32
    (B, num_outputs); of float64 with weights in float64, float64.
    """

    def __init__(
        self,
        num_inputs: int,
        hidden_units: Sequence[int],
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
        layer_order: str = "standard",
        to_logit: bool = True,
        bias: bool = True,
    ) -> None:
        layers: list[nn.Module] = []
        for inputs, units in zip([num_inputs, *hidden_units], hidden_units, strict=False):
            norm = [BatchNorm1d(units)] if batch_norm else []
            drop = [nn.Dropout(dropout)] if dropout else []
            after = [nn.ReLU(), *drop, *norm] if layer_order == "article" else [*norm, nn.ReLU(), *drop]
            layers += [nn.Linear(inputs, units), *after]
        self.num_outputs = 1 if to_logit else [num_inputs, *hidden_units][-1]
        if to_logit:
            layers.append(nn.Linear([num_inputs, *hidden_units][-1], 1, bias=bias))
        super().__init__(*layers)
        self.in_bfloat16 = False

    def forward(self, x: Tensor) -> Tensor:
        if self.in_bfloat16 and self.training and len(self):
            x = x.bfloat16()
        if x.dtype != torch.bfloat16:
            for layer in self:
                x = layer(x)
            return x
        fused = False
        for layer, after in zip(self, [*list(self)[1:], None], strict=True):
            if fused:
                fused = False
            elif isinstance(layer, nn.Linear):
                fused = isinstance(after, nn.ReLU)
                x = _Linear.apply(x, layer.weight, layer.bias, fused)  # type: ignore[no-untyped-call]
            else:
                x = layer(x)
        return x.float()


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
