"""Arrays that the native kernels must refuse: no bad id, offset or shape is ever followed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import kernel_oracle as oracle
import numpy as np
import pytest
import rule_oracle
from kernel_oracle import NUM_ROWS

from manyhot.kernels import (
    Gradients,
    Lookup,
    OptimizerStep,
    Outputs,
    RowPlan,
    RowRange,
    _native,
    select,
    state_places,
)

NATIVE = select("native")
CASE = oracle.random_case(5, seed=1, num_examples=3)
PLAN, OUT = oracle.passed(NATIVE, CASE, True)


def patched(array: np.ndarray, place: int, value: int) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


def wide(array: np.ndarray) -> np.ndarray:
    """Every other number of an array twice as long: equal values, not contiguous."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


JAGGED = CASE.jagged
BAD_BATCHES: dict[str, dict[str, Any]] = {
    "negative id": {"ids": patched(JAGGED.ids, 3, -1)},
    "id too large": {"ids": patched(JAGGED.ids, -1, NUM_ROWS)},
    "falling offsets": {"offsets": patched(JAGGED.offsets, 4, JAGGED.offsets[5] + 1)},
    "negative offset": {"offsets": patched(JAGGED.offsets, 1, -1)},
    "offsets not from 0": {"offsets": patched(JAGGED.offsets, 0, 1)},
    "offsets beyond the pairs": {"offsets": patched(JAGGED.offsets, -1, len(JAGGED.ids) + 1)},
    "offsets short of the pairs": {"ids": np.append(JAGGED.ids, np.int32(0)), "weights": None},
    "no offsets": {"offsets": JAGGED.offsets[:0]},
    "fewer weights than ids": {"weights": JAGGED.weights[:-1]},
    "more weights than ids": {"weights": np.append(JAGGED.weights, np.float32(1))},
}
WRONG_TYPES: dict[str, dict[str, Any]] = {
    "int64 ids": {"ids": JAGGED.ids.astype(np.int64)},
    "uint32 ids": {"ids": JAGGED.ids.astype(np.uint32)},
    "two-dimensional ids": {"ids": JAGGED.ids[:, None]},
    "ids not contiguous": {"ids": wide(JAGGED.ids)},
    "float64 weights": {"weights": JAGGED.weights.astype(np.float64)},
    "weights not contiguous": {"weights": wide(JAGGED.weights)},
    "int64 offsets": {"offsets": JAGGED.offsets.astype(np.int64)},
    "offsets not contiguous": {"offsets": wide(JAGGED.offsets)},
}


def forward_of(jagged: oracle.Jagged) -> None:
    """Straight into the module, with outputs of the right size: the wrapper would derive them from the bad array."""
    outputs = [np.empty_like(part) for part in (OUT.linear, OUT.pooled, OUT.sum, OUT.bi)]
    outputs.insert(2, None)
    _native.forward(CASE.table, 5, jagged.ids, jagged.weights, jagged.offsets, 4, True, *outputs, 1)


def gradients_of(*, plan: RowPlan = PLAN, given: Gradients = CASE.gradients, out: Outputs = OUT) -> np.ndarray:
    return NATIVE.gradients(oracle.lookup(CASE, True), plan, out, given)


@pytest.mark.parametrize("bad", BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_a_bad_batch_is_a_value_error(bad):
    with pytest.raises(ValueError):
        forward_of(replace(JAGGED, **bad))
    with pytest.raises(ValueError):
        NATIVE.plan_rows(replace(JAGGED, **bad), NUM_ROWS)


def test_offsets_that_are_not_whole_examples_are_a_value_error():
    with pytest.raises(ValueError, match="B\\*F"):
        forward_of(replace(JAGGED, offsets=np.append(JAGGED.offsets, JAGGED.offsets[-1])))


@pytest.mark.parametrize("bad", WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_wrong_type_or_layout_is_a_type_error(bad):
    with pytest.raises(TypeError):
        forward_of(replace(JAGGED, **bad))
    with pytest.raises(TypeError):
        NATIVE.plan_rows(replace(JAGGED, **bad), NUM_ROWS)


BAD_PLANS: dict[str, dict[str, Any]] = {
    "negative row": {"rows": patched(PLAN.rows, 0, -1)},
    "row too large": {"rows": patched(PLAN.rows, 0, NUM_ROWS)},
    "falling starts": {"starts": patched(PLAN.starts, 1, PLAN.starts[2] + 1)},
    "starts beyond the pairs": {"starts": patched(PLAN.starts, -1, len(PLAN.bags) + 1)},
    "one start too few": {"starts": PLAN.starts[:-1]},
    "falling rows": {"rows": PLAN.rows[::-1].copy()},
    "bag out of range": {"bags": patched(PLAN.bags, 0, len(JAGGED.offsets) - 1)},
    "negative bag": {"bags": patched(PLAN.bags, 0, -1)},
    "bags too short": {"bags": PLAN.bags[:-1]},
    "weights too short": {"weights": PLAN.weights[:-1]},
}
BAD_GRADIENTS = {
    "linear": replace(CASE.gradients, linear=CASE.gradients.linear[1:]),
    "pooled": replace(CASE.gradients, pooled=CASE.gradients.pooled[:, 1:].copy()),
    "pooled in bfloat16": replace(CASE.gradients, pooled=np.zeros((3, 3, 5), np.uint16)),
    "bi": replace(CASE.gradients, bi=CASE.gradients.bi[:, 1:].copy()),
}


@pytest.mark.parametrize("bad", BAD_PLANS.values(), ids=BAD_PLANS)
def test_a_plan_of_another_batch_is_a_value_error(bad):
    with pytest.raises(ValueError):
        gradients_of(plan=replace(PLAN, **bad))


@pytest.mark.parametrize("bad", BAD_GRADIENTS.values(), ids=BAD_GRADIENTS)
def test_a_gradient_of_the_wrong_size_is_a_value_error(bad):
    with pytest.raises(ValueError, match="size"):
        gradients_of(given=bad)


def test_bad_outputs_are_value_errors():
    for name, message in (("sum", "one batch"), ("pooled", "size")):
        with pytest.raises(ValueError, match=message):
            gradients_of(out=replace(OUT, **{name: getattr(OUT, name)[1:]}))


@pytest.mark.parametrize("table", [CASE.table.astype(np.float64), wide(CASE.table), CASE.table[:, :6]])
def test_a_table_of_another_type_or_layout_is_a_type_error(table):
    with pytest.raises(TypeError):
        NATIVE.forward(Lookup(table, 5), JAGGED)


@pytest.mark.parametrize("optimizer", rule_oracle.OPTIMIZERS, ids=list(rule_oracle.OPTIONS))
def test_rows_too_short_for_latent_and_state_are_a_value_error(optimizer):
    places = state_places(5, optimizer.optimizer, optimizer.optimizer)
    floats = max([6, *(place.stop for states in places for place in states)])
    short = np.zeros((NUM_ROWS, floats - 1), np.float32)
    with pytest.raises(ValueError, match="too short"):
        NATIVE.update(Lookup(short, 5), PLAN, OUT, CASE.gradients, rule_oracle.one_step(optimizer, 1, NUM_ROWS))
    assert not short.any()


def test_a_store_refuses_what_does_not_fit():
    store, i32 = NATIVE.store(2), lambda *numbers: np.array(numbers, np.int32)
    for arguments in (
        (i32(0, 1), i32(5), None, None),
        (i32(0, 2, 1), i32(5), None, None),
        (i32(0, 1, 2), i32(5), None, None),
        (i32(0, 1, 1), i32(5), np.ones(2, np.float32), None),
        (i32(0, 1, 1), i32(5), None, np.ones(2, np.float32)),
        (i32(0, 1, 1), i32(5), None, None, np.ones(2, np.float32)),
    ):
        with pytest.raises(ValueError):
            store.add(*arguments)
    store.add(i32(0, 1, 1), i32(5), None, None)
    two = np.zeros(2, np.uint8)
    for rows, bases, combiners in (
        ([1], i32(0, 0), two),
        ([-1], i32(0, 0), two),
        ([0], i32(0), two),
        ([0], i32(0, 0), two + 3),
    ):
        with pytest.raises(ValueError):
            store.gather([np.zeros(1, np.int64), np.array(rows, np.int64)], bases, combiners)


def test_ranges_of_rows_must_rise_and_end_at_the_tables_end():
    rule = rule_oracle.OPTIMIZERS[0]
    for ends in ((), (NUM_ROWS - 1,), (NUM_ROWS + 1,), (5, 4, NUM_ROWS), (-1, NUM_ROWS)):
        step = OptimizerStep(tuple(RowRange(end, rule, rule) for end in ends), 1)
        with pytest.raises(ValueError, match="ranges of rows"):
            NATIVE.update(oracle.lookup(CASE, True), PLAN, OUT, CASE.gradients, step)


@pytest.mark.parametrize(
    ("rows", "shape", "message"),
    [
        ([0, NUM_ROWS], (2, 6), "outside the table"),
        ([-1, 3], (2, 6), "outside the table"),
        ([3, 3], (2, 6), "must rise"),
        ([1, 3], (2, 5), "size"),
        ([1, 3], (3, 6), "size"),
    ],
)
def test_rows_to_move_that_do_not_fit_are_a_value_error(rows, shape, message):
    step = rule_oracle.one_step(rule_oracle.OPTIMIZERS[0], 1, NUM_ROWS)
    before = CASE.table.tobytes()
    with pytest.raises(ValueError, match=message):
        NATIVE.move(oracle.lookup(CASE), np.array(rows, np.int32), np.ones(shape, np.float32), step)
    assert CASE.table.tobytes() == before
