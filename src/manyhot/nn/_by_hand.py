"""Loss and gradients of the common models in plain calls, without autograd.

Autograd builds and walks a graph of some forty nodes, which at 128 examples costs more than the arithmetic in them
(docs/performance.md). The definition is `Model.forward`; tests hold one against the other. B examples, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from manyhot.kernels import Batch, Gradients
from manyhot.schema import Loss

from ._loss import BCE, loss_gradient
from ._model import Model
from .heads import DeepHead, FMHead, LinearHead

__all__ = ["has_gradients_by_hand", "loss_by_hand"]


def has_gradients_by_hand(model: Model) -> bool:
    """Whether there is one label and every head is one of those below, once: linear, fm, and deep of Linear and ReLU
    alone, in float32."""
    if model.num_labels > 1 or model.deep_in_bfloat16:
        return False
    heads = list(model.heads.values())
    kinds = {type(head) for head in heads}  # a custom head may be one of them too, or inherit from one
    return len(kinds) == len(heads) and all(map(_is_plain, heads))


@torch.no_grad()
def loss_by_hand(model: Model, batch: Batch, loss: Loss = BCE, shift: float = 0.0) -> tuple[float, Callable[[], None]]:
    """`batch_loss` of a batch, and what moves the tables by it and leaves each parameter's gradient in its `grad`, when
    called."""
    outputs = model.tables.gather(batch)
    inputs = {
        LinearHead: torch.from_numpy(outputs.linear),
        FMHead: torch.from_numpy(outputs.bi),
        DeepHead: torch.from_numpy(outputs.pooled).flatten(1),
    }
    logits_B = model.bias.expand(len(batch.labels)).clone()
    layers = {name: _add_term(logits_B, head, inputs[type(head)]) for name, head in model.heads.items()}
    value, by_logits_B = loss_gradient(logits_B, batch, loss, shift)

    @torch.no_grad()
    def backward() -> None:
        torch.sum(by_logits_B, 0, out=_grad(model.bias))
        by_inputs = {
            type(head): _backward(head, inputs[type(head)], layers[name], by_logits_B)
            for name, head in model.heads.items()
        }
        linear, bi, pooled = (by_inputs.get(kind) for kind in (LinearHead, FMHead, DeepHead))
        model.tables.receive(
            batch,
            outputs,
            Gradients(
                None if linear is None else linear.numpy(),
                None if pooled is None else pooled.numpy().reshape(np.shape(outputs.pooled)),
                None if bi is None else bi.numpy(),
            ),
        )

    return value, backward


def _add_term(logits_B: Tensor, head: nn.Module, x: Tensor) -> list[Tensor]:
    """Adds the head's term to the logits; the outputs of the hidden layers, after ReLU, each (B, H)."""
    if isinstance(head, LinearHead | FMHead):
        logits_B.addmv_(x, head.coefficients)
        if head.bias is not None:
            logits_B.add_(head.bias)
        return []
    *hidden, last = _linears(head)
    outputs = []
    for layer in hidden:
        x = torch.addmm(layer.bias, x, layer.weight.t()).relu_()
        outputs.append(x)
    logits_B.addmv_(x, last.weight[0])
    if last.bias is not None:
        logits_B.add_(last.bias)
    return outputs


def _backward(head: nn.Module, x: Tensor, outputs: list[Tensor], by_logits_B: Tensor) -> Tensor:
    """Sets the gradients of the head's parameters; the gradient by its input x, of x's shape."""
    if isinstance(head, LinearHead | FMHead):
        torch.mv(x.t(), by_logits_B, out=_grad(head.coefficients))
        if head.bias is not None:
            torch.sum(by_logits_B, 0, out=_grad(head.bias))
        return torch.outer(by_logits_B, head.coefficients)
    *hidden, last = _linears(head)
    inputs = [x, *outputs]
    torch.mv(inputs[-1].t(), by_logits_B, out=_grad(last.weight)[0])
    if last.bias is not None:
        torch.sum(by_logits_B, 0, keepdim=True, out=_grad(last.bias))
    gradient = torch.outer(by_logits_B, last.weight[0])
    for layer, x, y in zip(reversed(hidden), reversed(inputs[:-1]), reversed(outputs), strict=True):
        gradient = torch.ops.aten.threshold_backward(gradient, y, 0)
        torch.mm(gradient.t(), x, out=_grad(layer.weight))
        torch.sum(gradient, 0, out=_grad(layer.bias))
        gradient = gradient @ layer.weight
    return gradient


def _is_plain(head: nn.Module) -> bool:
    if type(head) is DeepHead:
        return all(isinstance(layer, nn.Linear | nn.ReLU) for layer in head.mlp)
    return type(head) in (LinearHead, FMHead)


def _linears(head: nn.Module) -> list[nn.Linear]:
    assert isinstance(head, DeepHead)
    return [layer for layer in head.mlp if isinstance(layer, nn.Linear)]


def _grad(parameter: Tensor) -> Tensor:
    """Where its gradient lies, made once."""
    if parameter.grad is None:
        parameter.grad = torch.empty_like(parameter)
    return parameter.grad
