"""update of native and reference kernels against the rules on single numbers (SEMANTICS section 3)."""

from __future__ import annotations

import kernel_oracle as oracle
import numpy as np
import pytest
import rule_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_oracle import NUM_ROWS, Case

from manyhot.kernels import Gradients, Kernels, OptimizerStep, new_table, row_stride, select
from manyhot.kernels._contract import STATES
from manyhot.schema import TableOptimizer

both_kernels = pytest.mark.parametrize("kernels", [select("native"), select("reference")], ids=["native", "reference"])
both_pairs = pytest.mark.parametrize("field_pairs", [False, True], ids=["features", "fields"])
every_rule = pytest.mark.parametrize("optimizer", rule_oracle.OPTIMIZERS, ids=list(rule_oracle.OPTIONS))


def update(kernels: Kernels, case: Case, field_pairs: bool, optimizer: TableOptimizer, step: int) -> np.ndarray:
    """Moves the table in place; the rows moved."""
    plan, outputs = oracle.passed(kernels, case, field_pairs)
    kernels.update(oracle.lookup(case, field_pairs), plan, outputs, case.gradients, OptimizerStep(optimizer, step))
    return plan.rows


def one_number(w: float, optimizer: TableOptimizer, extra: int = 0) -> np.ndarray:
    """A table of one linear weight."""
    table = new_table(1, row_stride(0, optimizer.optimizer) + extra)
    table[0, :3] = rule_oracle.start(optimizer, w)[: table.shape[1]]
    return table


@st.composite
def optimizers(draw: st.DrawFn, name: str) -> TableOptimizer:
    choices = {
        "l1": (0.0, 0.01, 0.5),
        "l2": (0.0, 0.01, 0.5),
        "beta1": (0.0, 0.9),
        "beta2": (0.5, 0.999),
        "epsilon": (1e-8, 0.1),
        "weight_decay": (0.0, 0.3),
        "initial_accumulator": (0.1, 2.0),
    }
    used = {
        "adagrad": ("initial_accumulator",),
        "proximal_adagrad": ("l1", "l2", "initial_accumulator"),
        "ftrl": ("l1", "l2", "initial_accumulator"),
        "adam": ("beta1", "beta2", "epsilon", "weight_decay"),
    }
    options = {key: draw(st.sampled_from(choices[key])) for key in used.get(name, ())}
    return TableOptimizer(optimizer=name, learning_rate=draw(st.sampled_from((0.01, 0.1, 1.0))), **options)


@both_kernels
@pytest.mark.parametrize("name", list(STATES))
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_number_moves_by_its_rule(kernels, name, data):
    optimizer = data.draw(optimizers(name))
    w = data.draw(st.floats(-1, 1, width=32))
    # Numbers below 1.2e-38 have fewer digits than the tolerance asks for.
    values = st.just(0.0) | st.floats(-4, 4, width=32, allow_subnormal=False)
    table, state, largest = one_number(w, optimizer), rule_oracle.start(optimizer, w), abs(w)
    jagged = oracle.make_jagged([[0]], None, 1)
    step = 0
    for g in data.draw(st.lists(values, min_size=1, max_size=6)):
        step += data.draw(st.sampled_from((1, 1, 5)))  # the global step goes on while a row is not touched
        gradients = oracle.Gradients(np.full((1, 1), g, np.float32), None, None)
        update(kernels, Case(table, 0, jagged, gradients), False, optimizer, step)
        state = rule_oracle.step(optimizer, step, *state, g)
        largest = max(largest, abs(state[0]), optimizer.learning_rate * abs(g))
        numbers = 1 + STATES[name]
        np.testing.assert_allclose(table[0, 0], state[0], rtol=1e-5, atol=1e-5 * largest + 1e-37)
        np.testing.assert_allclose(
            table[0, 1:numbers], state[1:numbers], rtol=1e-4, atol=1e-5 / optimizer.learning_rate
        )


@both_kernels
@both_pairs
@every_rule
@pytest.mark.parametrize("dim", (0, 3, 16, 130))
def test_rows_move_once_by_their_summed_gradient(kernels, field_pairs, optimizer, dim):
    """Four steps over batches with rows met many times, each step against the oracle from where the table was."""
    params, states = dim + 1, STATES[optimizer.optimizer]
    used = params * (1 + states)
    table = oracle.random_case(dim, seed=9, optimizer=optimizer.optimizer).table
    table[:, params:] = rule_oracle.start(optimizer, 0.0)[1]
    table[:, 2 * params : used] = 0.0
    table[:, used:] = 7.0  # padding, to be left alone
    for step in range(1, 5):
        drawn = oracle.random_case(dim, seed=step, num_examples=1)
        case, before = Case(table, dim, drawn.jagged, drawn.gradients), table.copy()
        gradients = oracle.gradients(case, field_pairs)
        rows = update(kernels, case, field_pairs, optimizer, step)
        assert 0 < len(rows) < NUM_ROWS
        assert len(rows) < len(drawn.jagged.ids)  # some row is met more than once
        for row in rows:
            numbers = before[row, :used].astype(float).reshape(1 + states, params)
            old = [*numbers.tolist(), *[[0.0] * params] * (2 - states)]
            new = [rule_oracle.step(optimizer, step, *number) for number in zip(*old, gradients[row], strict=True)]
            expected = np.array(new).T[: 1 + states]
            np.testing.assert_allclose(table[row, :used].reshape(1 + states, params), expected, rtol=1e-4, atol=1e-5)
        assert np.delete(table, rows, axis=0).tobytes() == np.delete(before, rows, axis=0).tobytes()
        assert (table[:, used:] == 7.0).all()


@both_kernels
@every_rule
def test_occurrences_are_summed_before_the_one_update(kernels, optimizer):
    """Two pairs of one row with weights 3 and -1 are one pair with weight 2, whatever the rule."""
    tables = [one_number(0.5, optimizer) for _ in range(2)]
    linear = oracle.Gradients(np.full((1, 1), 0.75, np.float32), None, None)
    for table, weights in zip(tables, ([3.0, -1.0], [2.0]), strict=True):
        jagged = oracle.make_jagged([[0] * len(weights)], weights, 1)
        for step in (1, 2):
            update(kernels, Case(table, 0, jagged, linear), False, optimizer, step)
    assert tables[0].tobytes() == tables[1].tobytes()
    assert tables[0][0, 0] != 0.5


@both_kernels
@every_rule
def test_a_batch_without_pairs_moves_nothing(kernels, optimizer):
    case = oracle.make_case(oracle.make_jagged([[], []], None, 2), 3, seed=0, optimizer=optimizer.optimizer)
    before = case.table.tobytes()
    assert len(update(kernels, case, False, optimizer, 1)) == 0
    assert case.table.tobytes() == before


@both_kernels
def test_a_gradient_that_is_not_finite_stays_visible(kernels):
    """Every rule must carry NaN into the weight: hiding it would let a diverged training end well."""
    for optimizer in rule_oracle.OPTIMIZERS:
        table = one_number(0.5, optimizer)
        nan = oracle.Gradients(np.full((1, 1), np.nan, np.float32), None, None)
        update(kernels, Case(table, 0, oracle.make_jagged([[0]], None, 1), nan), False, optimizer, 1)
        assert np.isnan(table[0, 0]), optimizer.optimizer


@pytest.mark.parametrize("name", ["native", "reference"])
def test_proximal_adagrad_keeps_a_nan_weight_visible(name):
    kernels, optimizer = select(name), TableOptimizer(optimizer="proximal_adagrad", l1=0.1)
    table = new_table(1, row_stride(1, "proximal_adagrad"))
    table[:] = 0.5
    table[0, 1] = np.nan
    gradients = Gradients(np.ones((1, 1), np.float32), None, None)
    update(kernels, Case(table, 1, oracle.make_jagged([[0]], None, 1), gradients), False, optimizer, 1)
    assert np.isnan(table[0, 1])
