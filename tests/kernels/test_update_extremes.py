"""Updates where float32 has little left: decays close to 1, numbers that are not finite (semantics, section 3)."""

from __future__ import annotations

import kernel_oracle as oracle
import numpy as np
import pytest
import rule_oracle
from kernel_oracle import Case

from manyhot.kernels import Gradients, Kernels, new_table, row_stride, select
from manyhot.schema import TableOptimizer

both_kernels = pytest.mark.parametrize("kernels", [select("native"), select("reference")], ids=["native", "reference"])
every_rule = pytest.mark.parametrize("optimizer", rule_oracle.OPTIMIZERS, ids=list(rule_oracle.OPTIONS))


def moved(kernels: Kernels, optimizer: TableOptimizer, w: float, slopes: list[float]) -> float:
    """One linear weight after a step for each slope."""
    table = new_table(1, row_stride(0, optimizer.optimizer))
    table[0, :3] = rule_oracle.start(optimizer, w)[: table.shape[1]]
    jagged = oracle.make_jagged([[0]], None, 1)
    for step, slope in enumerate(slopes, 1):
        case = Case(table, 0, jagged, Gradients(np.full((1, 1), slope, np.float32), None, None))
        plan, outputs = oracle.passed(kernels, case)
        kernels.update(oracle.lookup(case), plan, outputs, case.gradients, rule_oracle.one_step(optimizer, step, 1))
    return float(table[0, 0])


@both_kernels
@pytest.mark.parametrize("decay", [0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.99999999])
@pytest.mark.parametrize("key", ["beta1", "beta2"])
def test_adam_with_a_decay_close_to_one(kernels, key, decay):
    """1 - beta must not be made from beta in float32, where 0.99999999 is 1. Schema takes every beta below 1."""
    optimizer = TableOptimizer(optimizer="adam", learning_rate=0.1, **{key: decay})
    slopes, state = [1.0, -0.5, 2.0, 1.0], (0.25, 0.0, 0.0)
    for step, slope in enumerate(slopes, 1):
        state = rule_oracle.step(optimizer, step, *state, slope)
    # To a thousandth of a step of learning_rate, which float32 keeps with ease.
    assert moved(kernels, optimizer, 0.25, slopes) == pytest.approx(state[0], abs=1e-3 * optimizer.learning_rate)


@both_kernels
@every_rule
@pytest.mark.parametrize("slope", [np.inf, -np.inf, np.nan])
def test_a_gradient_that_is_not_finite_never_becomes_a_finite_weight(kernels, optimizer, slope):
    with np.errstate(all="ignore"):
        assert not np.isfinite(moved(kernels, optimizer, 0.5, [slope]))


@both_kernels
@every_rule
def test_a_weight_that_is_nan_stays_nan(kernels, optimizer):
    with np.errstate(all="ignore"):
        assert np.isnan(moved(kernels, optimizer, np.nan, [1.0]))


@both_kernels
@every_rule
@pytest.mark.parametrize("w", [0.0, -0.75, 1e-6])
def test_a_slope_of_zero_moves_by_the_rule_too(kernels, optimizer, w):
    """A row that was met has its l1, l2 or weight decay applied, even where the loss does not slope."""
    state = rule_oracle.start(optimizer, w)
    for step in (1, 2):
        state = rule_oracle.step(optimizer, step, *state, 0.0)
    assert moved(kernels, optimizer, w, [0.0, 0.0]) == pytest.approx(state[0], rel=1e-5, abs=1e-12)
