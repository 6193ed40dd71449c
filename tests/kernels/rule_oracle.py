"""The optimizer rules on the numbers of a row in Python floats, written from SEMANTICS section 3."""

from __future__ import annotations

import math

from manyhot.kernels import OptimizerStep, RowRange, state_places
from manyhot.schema import DenseOptimizer, TableOptimizer

__all__ = ["ALL_ROWS", "ELEMENTWISE", "OPTIMIZERS", "OPTIONS", "num_states", "one_step", "start", "step", "step_row"]

OPTIONS = {
    "sgd": {"l2": 0.1},
    "adagrad": {},
    "rowwise_adagrad": {"epsilon": 0.01, "l2": 0.2},
    "proximal_adagrad": {"l1": 0.02, "l2": 0.3},
    "ftrl": {"l1": 0.02, "l2": 0.3},
    "adam": {"weight_decay": 0.1, "beta1": 0.8, "beta2": 0.95, "l2": 0.1},
    "adamw": {"beta1": 0.8, "beta2": 0.95},
}
OPTIMIZERS = [TableOptimizer(optimizer=name, learning_rate=0.1, **options) for name, options in OPTIONS.items()]
ELEMENTWISE = [name for name in OPTIONS if name != "rowwise_adagrad"]
ALL_ROWS = [
    TableOptimizer(optimizer=name, learning_rate=0.1, l2_rows="all", **{"l2": 0.1, **OPTIONS[name]})
    for name in ("sgd", "adagrad", "rowwise_adagrad", "adam", "adamw")
]


def one_step(optimizer: TableOptimizer, step: int, num_rows: int) -> OptimizerStep:
    """The step of a table with the same optimizer everywhere."""
    return OptimizerStep((RowRange(num_rows, optimizer, optimizer),), step)


def num_states(rule: str) -> int:
    """Of the linear weight."""
    return len(state_places(0, rule, rule)[1])


def start(o: TableOptimizer | DenseOptimizer, w: float) -> tuple[float, float, float]:
    """w and its two states before the first step."""
    summing = ("adagrad", "rowwise_adagrad", "proximal_adagrad", "ftrl")
    return w, o.initial_accumulator if o.optimizer in summing else 0.0, 0.0


def step_row(
    o: TableOptimizer | DenseOptimizer, t: int, w: list[float], s0: list[float], s1: list[float], g: list[float]
) -> tuple[list[float], list[float], list[float]]:
    """The numbers of a row that share a rule, w and states after the step number t (from 1, over all rows) with the
    summed gradient g. rowwise_adagrad has one number in s0."""
    if o.optimizer != "rowwise_adagrad":
        moved = [step(o, t, *numbers) for numbers in zip(w, s0, s1, g, strict=True)]
        return [n[0] for n in moved], [n[1] for n in moved], [n[2] for n in moved]
    g = [slope + o.l2 * number for slope, number in zip(g, w, strict=True)]
    acc = s0[0] + sum(slope**2 for slope in g) / len(g)
    moved = [n - o.learning_rate * slope / (math.sqrt(acc) + o.epsilon) for slope, n in zip(g, w, strict=True)]
    return moved, [acc], s1


def step(
    o: TableOptimizer | DenseOptimizer, t: int, w: float, s0: float, s1: float, g: float
) -> tuple[float, float, float]:
    """A single number."""
    lr = o.learning_rate
    if o.optimizer == "rowwise_adagrad":
        (w,), (s0,), _ = step_row(o, t, [w], [s0], [s1], [g])
        return w, s0, s1
    if o.optimizer not in ("proximal_adagrad", "ftrl"):
        g = g + o.l2 * w
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
    decay = (0.01 if o.optimizer == "adamw" else 0.0) if o.weight_decay is None else o.weight_decay
    m, v = o.beta1 * s0 + (1 - o.beta1) * g, o.beta2 * s1 + (1 - o.beta2) * g**2
    m_hat, v_hat = m / (1 - o.beta1**t), v / (1 - o.beta2**t)
    return w - lr * decay * w - lr * m_hat / (math.sqrt(v_hat) + o.epsilon), m, v
