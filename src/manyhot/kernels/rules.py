"""The optimizer rules in plain torch: the definition (docs/semantics.md, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from manyhot.schema import DenseOptimizer, TableOptimizer

__all__ = ["move"]


def move(
    o: TableOptimizer | DenseOptimizer,
    lr: float,
    corrections: tuple[float, float],
    w: Tensor,
    s0: Tensor,
    s1: Tensor,
    g: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """New weights and states, one row or several [R, numbers]; lr: the learning rate of this step. Unused states are
    handed back as they came."""
    g = g + o.penalty * w if o.penalty else g
    if o.optimizer == "sgd":
        return w - lr * g, s0, s1
    if o.optimizer == "adagrad":
        s0 = s0 + g * g
        return w - lr * g / s0.sqrt(), s0, s1
    if o.optimizer == "rowwise_adagrad":
        s0 = s0 + g.square().mean(-1, keepdim=True)
        return w - lr * g / (s0.sqrt() + o.epsilon), s0, s1
    if o.optimizer == "proximal_adagrad":
        s0 = s0 + g * g
        rate = lr / s0.sqrt()
        p = w - rate * g
        return torch.sign(p) * (p.abs() - rate * o.l1).clamp(min=0) / (1 + rate * o.l2), s0, s1
    if o.optimizer == "ftrl":
        n = s0 + g * g
        z = s1 + g - g * g / (n.sqrt() + s0.sqrt()) / lr * w  # sqrt(n') - sqrt(n) without losing its digits
        w = (o.l1 * torch.sign(z) - z) / (n.sqrt() / lr + 2 * o.l2)
        return torch.where(z.abs() <= o.l1, 0, w), n, z
    # adam, adamw
    m = o.beta1 * s0 + (1 - o.beta1) * g  # adam
    v = o.beta2 * s1 + (1 - o.beta2) * g * g
    w = w * (1 - lr * o.decay)
    return w - lr / corrections[0] * m / (v.sqrt() / corrections[1] + o.epsilon), m, v
