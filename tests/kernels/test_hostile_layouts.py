"""Arrays that lie wrongly in memory: over one another, between numbers, too long for int32, changed under a store."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import kernel_oracle as oracle
import numpy as np
import pytest
import rule_oracle
from kernel_oracle import NUM_ROWS

from manyhot.kernels import Lookup, OptimizerStep, RowRange, Tokens, TokenTable, _native, interleave, parse_bags, select
from manyhot.schema import TableOptimizer

NATIVE, REFERENCE = select("native"), select("reference")
CASE = oracle.random_case(4, seed=1, num_examples=3)
PLAN, OUT = oracle.passed(NATIVE, CASE)
both_kernels = pytest.mark.parametrize("kernels", [NATIVE, REFERENCE], ids=["native", "reference"])


def sparse(path: Path, count: int, dtype: type = np.int32) -> np.ndarray:
    """So many zeros, in a file without a single block."""
    with path.open("wb") as file:
        file.truncate(count * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype, mode="r", shape=(count,))


@both_kernels
@pytest.mark.parametrize("count", [2**31, 2**32 + 3])
def test_more_pairs_than_int32_counts_are_refused_in_a_sentence(kernels, count, tmp_path):
    ids = sparse(tmp_path / "ids", count)
    jagged = oracle.Jagged(ids, None, np.array([0, 0], np.int32), 1)
    for call in (
        lambda: kernels.plan_rows(jagged, NUM_ROWS),
        lambda: kernels.forward(Lookup(CASE.table, 4), jagged),
        lambda: kernels.gradients(Lookup(CASE.table, 4), replace(PLAN, bags=ids, weights=None), OUT, CASE.gradients),
        lambda: kernels.store(1).add(jagged.offsets, ids, None, None),
    ):
        with pytest.raises(ValueError, match=r"2\^31 - 1 pairs"):
            call()


def test_more_bags_than_int32_counts_are_refused_in_a_sentence(tmp_path):
    offsets = sparse(tmp_path / "offsets", 2**31 + 1)
    with pytest.raises(ValueError, match=r"2\^31 - 1 bags"):
        NATIVE.plan_rows(oracle.Jagged(np.zeros(0, np.int32), None, offsets, 1), NUM_ROWS)


def test_columns_that_make_too_many_pairs_together_are_refused(tmp_path):
    """Each of them is fine alone."""
    half = sparse(tmp_path / "ids", 2**30)
    column = (half, None, np.array([0, 2**30], np.int32))
    with pytest.raises(ValueError, match=r"2\^31 - 1 pairs"):
        interleave([(*column, 0), (*column, 1)], 1)


def test_a_batch_that_gathers_too_many_pairs_is_refused(tmp_path):
    store = NATIVE.store(1)
    store.add(np.array([0, 2**20], np.int32), sparse(tmp_path / "ids", 2**20), None, None)
    rows, recipe = np.zeros(2**11, np.int64), (np.zeros(1, np.int32), np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match=r"2\^31 - 1 pairs"):
        store.gather([np.zeros(1, np.int64), rows], *recipe, num_table_rows=1, num_threads=2)


@pytest.mark.parametrize("num_threads", [1, 4, 2**31 - 1])
def test_an_error_on_a_thread_is_an_exception_here(num_threads):
    """Ids of some of the batches lie outside the table; more threads than there are batches are not started."""
    store = NATIVE.store(1)
    store.add(np.arange(9, dtype=np.int32), np.arange(8, dtype=np.int32), None, None)
    rows, recipe = [np.array([k], np.int64) for k in range(8)], (np.zeros(1, np.int32), np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match="outside the table"):
        store.gather(rows, *recipe, num_table_rows=6, num_threads=num_threads)
    assert len(store.gather(rows, *recipe, num_table_rows=8, num_threads=num_threads)) == 8


@pytest.mark.parametrize(
    ("place", "value"), [(1, 2**31 - 1), (1, -(2**31)), (2, 0), (2, 7), (4, 2**31 - 1), (0, -1), (0, 9)]
)
@pytest.mark.parametrize("lengths", [[1, 1, 1, 1], [2, 0, 3, 1]], ids=["bags of one", "bags"])
def test_offsets_that_change_under_a_store_are_not_followed(lengths, place, value):
    """Where every bag has one pair, those inside a row are never looked at."""
    offsets = np.cumsum([0, *lengths]).astype(np.int32)
    store = NATIVE.store(2)
    store.add(offsets, np.arange(offsets[-1], dtype=np.int32), None, None)
    asked = ([np.array([0, 1], np.int64)], np.zeros(2, np.int32), np.zeros(2, np.uint8))
    (before,) = store.gather(*asked)
    offsets[place] = value
    if lengths == [1, 1, 1, 1] and place == 1:
        (after,) = store.gather(*asked)
        np.testing.assert_array_equal(after.jagged.ids, before.jagged.ids)
        return
    with pytest.raises(ValueError, match="have changed"):
        store.gather(*asked)


@both_kernels
def test_a_table_that_lies_over_what_is_read_is_refused(kernels):
    """Rows that were checked could change while they are followed."""
    step = rule_oracle.one_step(rule_oracle.OPTIMIZERS[0], 1, NUM_ROWS)
    memory = np.zeros((NUM_ROWS, 8), np.float32)
    rows = memory.view(np.int32).reshape(-1)[:3]
    rows[:] = [0, 5, 7]
    gradients = np.ones((3, 5), np.float32)
    with pytest.raises(ValueError, match="overlaps"):
        kernels.move(Lookup(memory, 4), rows, gradients, step)
    beside = np.concatenate([gradients.reshape(-1), np.zeros(1, np.float32), memory.reshape(-1)])
    given, table = beside[:15].reshape(3, 5), beside[16:].reshape(NUM_ROWS, 8)
    kernels.move(Lookup(table, 4), rows.copy(), given, step)  # neighbours do not overlap
    assert table[[0, 5, 7], :5].all()


def test_outputs_that_lie_over_ids_or_over_one_another_are_refused():
    jagged, memory = CASE.jagged, np.zeros(4096, np.float32)
    ids = memory[: len(jagged.ids)].view(np.int32)
    ids[:] = jagged.ids
    linear, bi = np.empty_like(OUT.linear), np.empty_like(OUT.bi)
    inside = memory[4 : 4 + linear.size].reshape(linear.shape)
    for outputs, given in (((inside, OUT.sum, bi), ids), ((linear, bi, bi), jagged.ids)):
        with pytest.raises(ValueError, match="overlaps"):
            _native.forward(
                CASE.table, 4, given, None, jagged.offsets, 4, False, outputs[0], OUT.pooled, None, *outputs[1:], 1
            )
    np.testing.assert_array_equal(ids, jagged.ids)


@both_kernels
def test_arrays_between_two_numbers_are_refused(kernels):
    ids = np.zeros(4 * len(CASE.jagged.ids) + 1, np.uint8)[1:].view(np.int32)
    with pytest.raises(ValueError, match="not aligned"):
        kernels.plan_rows(replace(CASE.jagged, ids=ids), NUM_ROWS)


@both_kernels
@pytest.mark.parametrize("rate_factor", [np.nan, np.inf, 1e300])
def test_settings_that_float32_does_not_hold_are_refused(kernels, rate_factor):
    table, rule = CASE.table.copy(), TableOptimizer(optimizer="adam")
    step = OptimizerStep((RowRange(NUM_ROWS, rule, rule),), 1, rate_factor)
    wide = np.zeros((NUM_ROWS, 16), np.float32)
    with pytest.raises(ValueError, match="finite"):
        kernels.move(Lookup(wide, 4), PLAN.rows, np.ones((len(PLAN.rows), 5), np.float32), step)
    assert not wide.any()
    assert table.tobytes() == CASE.table.tobytes()


@both_kernels
def test_labels_come_only_where_every_chunk_has_them(kernels):
    store = kernels.store(1)
    for labels in (np.ones(2, np.float32), None):
        store.add(np.array([0, 0, 0], np.int32), np.zeros(0, np.int32), None, labels)
    (batch,) = store.gather([np.array([0, 1], np.int64)], np.zeros(1, np.int32), np.zeros(1, np.uint8))
    assert len(batch.labels) == 0


def test_columns_of_another_type_are_not_converted():
    """Numbers past int32 would be cut."""
    with pytest.raises(TypeError):
        interleave([(np.array([2**40]), None, np.array([0, 1], np.int32), 0)], 1)  # type: ignore[list-item]


def test_counts_past_int64_are_refused():
    table, most = TokenTable(), np.array([2**63 - 1], np.int64)
    token = (np.frombuffer(b"a", np.uint8), np.zeros(1, np.int64), np.ones(1, np.int32))
    table.count(*token, most)
    with pytest.raises(ValueError, match="more than"):
        table.count(*token, np.ones(1, np.int64))


def test_a_byte_0_does_not_part_weights():
    token = Tokens(np.frombuffer(b"a\0001", np.uint8), np.zeros(1, np.int64), np.full(1, 3, np.int32))
    with pytest.raises(ValueError, match="byte 0"):
        parse_bags(token, ",", "\0")


def test_an_object_in_use_by_a_thread_is_not_changed_by_another():
    """A table of tokens grows while it counts: a second count, or a lookup, meanwhile is refused, not wrong."""
    words = np.random.default_rng(0).integers(97, 123, 8 * 400_000).astype(np.uint8)
    tokens = (words, np.arange(400_000, dtype=np.int64) * 8, np.full(400_000, 8, np.int32))
    table, few = TokenTable(), (words[:8], np.zeros(1, np.int64), np.full(1, 8, np.int32))
    counting = threading.Thread(target=table.count, args=(*tokens, None))
    counting.start()
    refused = 0
    while counting.is_alive():
        try:
            table.lookup(*few)
        except RuntimeError as error:
            assert "another thread" in str(error)
            refused += 1
    counting.join()
    assert refused > 0
    assert len(table) > 300_000
