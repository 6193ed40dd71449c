"""The optimizer rules on one number in Python floats, written from SEMANTICS section 3."""

from __future__ import annotations

import math

from manyhot.schema import DenseOptimizer, TableOptimizer

__all__ = ["OPTIMIZERS", "OPTIONS", "start", "step"]

OPTIONS = {
    "sgd": {},
    "adagrad": {},
    "proximal_adagrad": {"l1": 0.02, "l2": 0.3},
    "ftrl": {"l1": 0.02, "l2": 0.3},
    "adam": {"weight_decay": 0.1, "beta1": 0.8, "beta2": 0.95},
}
OPTIMIZERS = [TableOptimizer(optimizer=name, learning_rate=0.1, **options) for name, options in OPTIONS.items()]


def start(o: TableOptimizer | DenseOptimizer, w: float) -> tuple[float, float, float]:
    """w and its two states before the first step."""
    return w, o.initial_accumulator if o.optimizer in ("adagrad", "proximal_adagrad", "ftrl") else 0.0, 0.0


def step(
    o: TableOptimizer | DenseOptimizer, t: int, w: float, s0: float, s1: float, g: float
) -> tuple[float, float, float]:
    """w and states after the step number t (from 1, over all rows) with the summed gradient g."""
    lr = o.learning_rate
    if o.optimizer == "sgd":
        return w - lr * g, s0, s1
    if o.optimizer == "adagrad":
        acc = s0 + g**2
        return w - lr * g / math.sqrt(acc), acc, s1
    if o.optimizer == "proximal_adagrad":
        acc = s0 + g**2
        eta = lr / math.sqrt(acc)
        p = w - eta * g
        return math.copysign(max(abs(p) - eta * o.l1, 0), p) / (1 + eta * o.l2), acc, s1
    if o.optimizer == "ftrl":
        n = s0 + g**2
        z = s1 + g - (math.sqrt(n) - math.sqrt(s0)) / lr * w
        pulled = math.copysign(o.l1, z) - z
        return 0.0 if abs(z) <= o.l1 else pulled / (math.sqrt(n) / lr + 2 * o.l2), n, z
    m, v = o.beta1 * s0 + (1 - o.beta1) * g, o.beta2 * s1 + (1 - o.beta2) * g**2
    m_hat, v_hat = m / (1 - o.beta1**t), v / (1 - o.beta2**t)
    return w - lr * o.weight_decay * w - lr * m_hat / (math.sqrt(v_hat) + o.epsilon), m, v
