"""update of native and reference kernels against the rules on single numbers (SEMANTICS section 3)."""

from __future__ import annotations

from dataclasses import replace

import kernel_oracle as oracle
import numpy as np
import pytest
import rule_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_oracle import NUM_ROWS, Case

from manyhot.kernels import (
    Gradients,
    Kernels,
    OptimizerStep,
    RowRange,
    new_table,
    row_stride,
    select,
    state_places,
)
from manyhot.schema import TableOptimizer

both_kernels = pytest.mark.parametrize("kernels", [select("native"), select("reference")], ids=["native", "reference"])
both_pairs = pytest.mark.parametrize("field_pairs", [False, True], ids=["features", "fields"])
every_rule = pytest.mark.parametrize("optimizer", rule_oracle.OPTIMIZERS, ids=list(rule_oracle.OPTIONS))


def update(kernels: Kernels, case: Case, field_pairs: bool, optimizer: TableOptimizer, step: int) -> np.ndarray:
    """Moves the table in place; the rows moved."""
    plan, outputs = oracle.passed(kernels, case, field_pairs)
    kernels.update(
        oracle.lookup(case, field_pairs),
        plan,
        outputs,
        case.gradients,
        rule_oracle.one_step(optimizer, step, len(case.table)),
    )
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
        "sgd": ("l2",),
        "adagrad": ("initial_accumulator", "l2"),
        "rowwise_adagrad": ("initial_accumulator", "epsilon", "l2"),
        "proximal_adagrad": ("l1", "l2", "initial_accumulator"),
        "ftrl": ("l1", "l2", "initial_accumulator"),
        "adam": ("beta1", "beta2", "epsilon", "weight_decay", "l2"),
        "adamw": ("beta1", "beta2", "epsilon", "weight_decay", "l2"),
    }
    options = {key: draw(st.sampled_from(choices[key])) for key in used.get(name, ())}
    return TableOptimizer(optimizer=name, learning_rate=draw(st.sampled_from((0.01, 0.1, 1.0))), **options)


def numbers(largest: float) -> st.SearchStrategy[float]:
    """0, or so large that float32 holds its square, times a penalty or a decay, to all its digits. Adam's moments of
    smaller numbers have fewer, and dividing by epsilon = 1e-8 makes that an error beside which the weight is small."""
    sizes = st.floats(2.0**-40, largest, width=32)
    return st.just(0.0) | sizes | sizes.map(lambda size: -size)


@both_kernels
@pytest.mark.parametrize("name", list(rule_oracle.OPTIONS))
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_number_moves_by_its_rule(kernels, name, data):
    optimizer = data.draw(optimizers(name))
    w = data.draw(numbers(1.0))
    table, state, largest = one_number(w, optimizer), rule_oracle.start(optimizer, w), abs(w)
    jagged = oracle.make_jagged([[0]], None, 1)
    step = 0
    for g in data.draw(st.lists(numbers(4.0), min_size=1, max_size=6)):
        step += data.draw(st.sampled_from((1, 1, 5)))  # the global step goes on while a row is not touched
        gradients = oracle.Gradients(np.full((1, 1), g, np.float32), None, None)
        update(kernels, Case(table, 0, jagged, gradients), False, optimizer, step)
        state = rule_oracle.step(optimizer, step, *state, g)
        largest = max(largest, abs(state[0]), optimizer.learning_rate * abs(g))
        used = 1 + rule_oracle.num_states(name)
        np.testing.assert_allclose(table[0, 0], state[0], rtol=1e-5, atol=1e-5 * largest)
        np.testing.assert_allclose(table[0, 1:used], state[1:used], rtol=1e-4, atol=1e-5 / optimizer.learning_rate)


def part_after(
    o: TableOptimizer, step: int, row: np.ndarray, places: list[slice], g: np.ndarray
) -> list[tuple[slice, list[float]]]:
    """The numbers at places (weights, then states) after the step by the oracle."""
    numbers = [row[place].astype(float).tolist() for place in places]
    numbers += [[0.0] * len(g)] * (3 - len(numbers))
    return list(zip(places, rule_oracle.step_row(o, step, *numbers, g.tolist()), strict=False))


def row_after(o: TableOptimizer, step: int, row: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The row after the step by the oracle; the same optimizer for latent and linear."""
    dim, out = len(g) - 1, row.astype(float)
    latent, linear = state_places(dim, o.optimizer, o.optimizer)
    parts = part_after(o, step, row, [slice(dim, dim + 1), *linear], g[dim:])
    if dim:
        parts += part_after(o, step, row, [slice(0, dim), *latent], g[:dim])
    for place, numbers in parts:
        out[place] = numbers
    return out


def fresh_table(dim: int, optimizer: TableOptimizer) -> tuple[np.ndarray, int]:
    """Random rows, fresh states, padding of 7; and where the padding begins."""
    rule = optimizer.optimizer
    table, places = oracle.random_case(dim, seed=9, optimizer=rule).table, state_places(dim, rule, rule)
    used = max([dim + 1, *(place.stop for states in places for place in states)])
    table[:, dim + 1 : used], table[:, used:] = 0.0, 7.0
    for states in places:
        for place in states[:1]:
            table[:, place] = rule_oracle.start(optimizer, 0.0)[1]
    return table, used


@both_kernels
@both_pairs
@every_rule
@pytest.mark.parametrize("dim", (0, 3, 16, 130))
def test_rows_move_once_by_their_summed_gradient(kernels, field_pairs, optimizer, dim):
    """Four steps over batches with rows met many times, each step against the oracle from where the table was."""
    table, used = fresh_table(dim, optimizer)
    for step in range(1, 5):
        drawn = oracle.random_case(dim, seed=step, num_examples=1)
        case, before = Case(table, dim, drawn.jagged, drawn.gradients), table.copy()
        gradients = oracle.gradients(case, field_pairs)
        rows = update(kernels, case, field_pairs, optimizer, step)
        assert 0 < len(rows) < NUM_ROWS
        assert len(rows) < len(drawn.jagged.ids)  # some row is met more than once
        for row in rows:
            expected = row_after(optimizer, step, before[row], gradients[row])
            np.testing.assert_allclose(table[row], expected, rtol=1e-4, atol=1e-5)
        assert np.delete(table, rows, axis=0).tobytes() == np.delete(before, rows, axis=0).tobytes()
        assert (table[:, used:] == 7.0).all()


@both_kernels
@pytest.mark.parametrize("optimizer", rule_oracle.ALL_ROWS, ids=lambda o: o.optimizer)
@pytest.mark.parametrize("dim", (0, 3, 16))
def test_with_l2_on_all_rows_every_row_moves_at_every_step(kernels, optimizer, dim):
    """Rows that are not in the batch by the penalty alone, with their moments; so too in a batch without pairs."""
    table, used = fresh_table(dim, optimizer)
    for step in range(1, 5):
        drawn = oracle.random_case(dim, seed=step, num_examples=1)
        jagged = drawn.jagged if step != 3 else oracle.make_jagged([[]] * 4, None, 4)
        case, before = Case(table, dim, jagged, drawn.gradients), table.copy()
        gradients = oracle.gradients(case, False)
        rows = update(kernels, case, False, optimizer, step)
        assert len(rows) < NUM_ROWS
        expected = [row_after(optimizer, step, *each) for each in zip(before, gradients, strict=True)]
        np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-5)
        assert (table[:, : dim + 1] != before[:, : dim + 1]).any(1).all()
        assert (table[:, used:] == 7.0).all()


@both_kernels
@pytest.mark.parametrize("dim", (0, 5, 40))
@pytest.mark.parametrize("seed", range(6))
def test_every_range_of_rows_and_every_part_has_its_own_optimizer(kernels, dim, seed):
    ends = (0, 2, 3, 7, NUM_ROWS)  # the first range is empty
    rng, drawn = np.random.default_rng(seed), oracle.random_case(dim, seed=seed, num_examples=1)
    choices = [*rule_oracle.OPTIMIZERS, *rule_oracle.ALL_ROWS]
    pairs = [tuple(choices[rng.integers(len(choices))] for _ in "ab") for _ in ends]
    ranges = tuple(RowRange(end, *pair) for end, pair in zip(ends, pairs, strict=True))
    table = new_table(NUM_ROWS, max(row_stride(dim, a.optimizer, b.optimizer) for a, b in pairs))
    table[:, : dim + 1], table[:, dim + 1 :] = drawn.table[:, : dim + 1], 0.25
    case, before = Case(table, dim, drawn.jagged, drawn.gradients), table.copy()
    plan, outputs = oracle.passed(kernels, case)
    gradients, expected = oracle.gradients(case, False), before.astype(float)
    kernels.update(oracle.lookup(case), plan, outputs, case.gradients, OptimizerStep(ranges, 3))
    for row in range(NUM_ROWS):
        latent, linear = pairs[int(np.searchsorted(ends, row, side="right"))]
        states = state_places(dim, latent.optimizer, linear.optimizer)
        parts = ((latent, slice(0, dim), states[0]), (linear, slice(dim, dim + 1), states[1]))
        for optimizer, numbers, places in parts if dim else parts[1:]:
            if row in plan.rows or optimizer.l2_rows == "all":
                after = part_after(optimizer, 3, before[row], [numbers, *places], gradients[row, numbers])
                for place, new in after:
                    expected[row, place] = new
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-5)


@both_kernels
@pytest.mark.parametrize("optimizer", [*rule_oracle.OPTIMIZERS, *rule_oracle.ALL_ROWS], ids=str)
@pytest.mark.parametrize("dim", (0, 3, 40))
def test_moving_by_given_gradients_is_the_second_half_of_an_update(kernels, optimizer, dim):
    (whole, _), (halves, _) = (fresh_table(dim, optimizer) for _ in range(2))
    drawn = oracle.random_case(dim, seed=4, num_examples=2)
    for step in (1, 2):
        case = Case(halves, dim, drawn.jagged, drawn.gradients)
        plan, outputs = oracle.passed(kernels, case)
        gradients = kernels.gradients(oracle.lookup(case), plan, outputs, case.gradients)
        given = (gradients * np.float32(0.5), 2.0) if step == 2 else (gradients, 1.0)
        one = rule_oracle.one_step(optimizer, step, NUM_ROWS)
        kernels.move(oracle.lookup(case), plan.rows, given[0], one, factor=given[1])
        update(kernels, replace(case, table=whole), False, optimizer, step)
        assert whole.tobytes() == halves.tobytes()


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
