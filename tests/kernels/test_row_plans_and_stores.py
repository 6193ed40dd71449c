"""plan_rows against numpy, and the store's combiners against SEMANTICS section 2 in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhot.kernels import Jagged, select

MODEST = settings(max_examples=40, deadline=None)
# The native sort takes up to 12 bits a pass: sizes on both sides of one, two and three passes.
SIZES = (1, 2, 3, 2047, 2048, 4095, 4096, 4097, 5000, 2**22 + 1, 2**24 - 1, 2**24, 2**24 + 1, 2**31 - 1)
SUM, MEAN, SQRTN = range(3)
PAIR = st.tuples(st.integers(0, 5), st.sampled_from((1.0, -1.0, 0.5, 1e-30, 1e30)) | st.floats(-9, 9, width=32))

both_kernels = pytest.mark.parametrize("kernels", [select("native"), select("reference")], ids=["native", "reference"])


def assert_plan(kernels, ids, size, per_bag=3):
    """With and without weights; per_bag pairs a bag, the first bag empty."""
    ids, weights = np.array(ids, np.int32), np.arange(len(ids), dtype=np.float32)
    offsets = np.array([0, *range(0, len(ids), per_bag), len(ids)], np.int32)
    rows, counts = np.unique(ids, return_counts=True)
    order = np.argsort(ids, kind="stable")
    for x in (None, weights):
        plan = kernels.plan_rows(Jagged(ids, x, offsets, 1), size)
        assert (plan.rows.dtype, plan.starts.dtype, plan.bags.dtype) == (np.int32,) * 3
        np.testing.assert_array_equal(plan.rows, rows)
        np.testing.assert_array_equal(plan.starts, np.cumsum([0, *counts]))
        np.testing.assert_array_equal(plan.bags, 1 + order // per_bag)
        assert plan.weights is None if x is None else plan.weights.tolist() == order.tolist()


@both_kernels
@pytest.mark.parametrize("size", SIZES)
@given(data=st.data())
@MODEST
def test_a_plan_is_a_stable_sort_by_row(kernels, size, data):
    anywhere, edges = st.integers(0, size - 1), st.sampled_from((0, size // 2, size - 1))
    assert_plan(kernels, data.draw(st.lists(anywhere | edges, max_size=40)), size)


@both_kernels
@pytest.mark.parametrize("size", SIZES)
def test_a_plan_of_many_pairs(kernels, size):
    for per_bag in (1, 7):
        assert_plan(kernels, np.random.default_rng(size).integers(0, size, 20_000), size, per_bag)


def test_a_planner_forgets_the_batch_before():
    """Its scratch memory is kept: a shorter batch, a smaller table after a longer one, with weights and without."""
    rng = np.random.default_rng(0)
    for count, size in ((5000, 2**23), (10, 3), (4000, 2**13), (0, 1), (6000, 2**31 - 1)):
        assert_plan(select("native"), rng.integers(0, size, count), size)


@both_kernels
@pytest.mark.parametrize("bad", (-1, 7, -(2**31), 2**31 - 1))
def test_a_plan_refuses_ids_outside_the_table(kernels, bad):
    with pytest.raises(ValueError, match="outside"):
        kernels.plan_rows(Jagged(np.array([0, bad, 6], np.int32), None, np.array([0, 3], np.int32), 1), 7)


def combined(bag, combiner):
    """Pairs after the combiner: x; x/sum(x); x/sqrt(sum(x^2)); mean and sqrtn ignore x <= 0."""
    kept = [(i, x) for i, x in bag if combiner == SUM or x > 0]
    scale = {SUM: 1.0, MEAN: sum(x for _, x in kept), SQRTN: math.sqrt(sum(x * x for _, x in kept))}[combiner]
    return [(i, x / scale) for i, x in kept]


def add_chunk(store, rows, with_weights):
    """rows: one list of bags each."""
    bags = [bag for row, _ in rows for bag in row]
    pairs = [pair for bag in bags for pair in bag]
    arrays = (
        np.cumsum([0, *map(len, bags)]).astype(np.int32),
        np.array([i for i, _ in pairs], np.int32),
        np.array([x for _, x in pairs], np.float32) if with_weights else None,
        np.array([label for _, label in rows], np.float32),
    )
    store.add(*arrays)


@both_kernels
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_gather_applies_each_fields_combiner_and_base(kernels, data):
    num_fields = data.draw(st.integers(1, 3))
    bag = st.lists(PAIR, max_size=4)
    row = st.tuples(st.lists(bag, min_size=num_fields, max_size=num_fields), st.sampled_from((0.0, 1.0)))
    store, everything = kernels.store(num_fields), []
    for chunk, with_weights in data.draw(st.lists(st.tuples(st.lists(row, max_size=4), st.booleans()), max_size=3)):
        add_chunk(store, chunk, with_weights)
        plain = [([[(i, 1.0) for i, _ in bag] for bag in bags], label) for bags, label in chunk]
        everything += chunk if with_weights else plain
    assert store.num_rows == len(everything)

    chosen = data.draw(st.lists(st.integers(0, len(everything) - 1), max_size=6)) if everything else []
    bases = data.draw(st.lists(st.sampled_from((0, 10, 1000)), min_size=num_fields, max_size=num_fields))
    combiners = data.draw(st.lists(st.sampled_from((SUM, MEAN, SQRTN)), min_size=num_fields, max_size=num_fields))
    recipe = (np.array(bases, np.int32), np.array(combiners, np.uint8))
    batch, empty = store.gather([np.array(chosen, np.int64), np.zeros(0, np.int64)], *recipe)
    assert (len(empty.jagged.ids), empty.jagged.offsets.tolist(), len(empty.labels)) == (0, [0], 0)
    jagged, labels = batch.jagged, batch.labels
    ids, weights, offsets = jagged.ids, jagged.weights, jagged.offsets
    assert jagged.num_fields == num_fields
    expected = [combined(everything[r][0][f], combiners[f]) for r in chosen for f in range(num_fields)]
    assert offsets.tolist() == np.cumsum([0, *map(len, expected)]).tolist()
    assert labels.tolist() == [everything[r][1] for r in chosen]
    assert ids.tolist() == [i + bases[b % num_fields] for b, bag in enumerate(expected) for i, _ in bag]
    expected_weights = np.array([x for bag in expected for _, x in bag])
    ours = np.ones(len(ids)) if weights is None else weights
    np.testing.assert_allclose(ours, expected_weights, rtol=1e-6, atol=1e-37)
    assert (ids.dtype, offsets.dtype, labels.dtype) == (np.int32, np.int32, np.float32)


@both_kernels
@pytest.mark.parametrize(("combiner", "size"), [(MEAN, 1), (SQRTN, 2)])
def test_a_normalised_bag_has_length_one(kernels, combiner, size):
    """mean: the weights sum to 1; sqrtn: their squares do. Whatever the scale of the bag."""
    for scale in (1e-18, 1.0, 1e18):
        store = kernels.store(1)
        add_chunk(store, [([[(0, 1 * scale), (1, 2 * scale), (2, 3 * scale), (3, -1.0)]], 1.0)], True)
        arguments = ([np.zeros(1, np.int64)], np.zeros(1, np.int32), np.array([combiner], np.uint8))
        jagged = store.gather(*arguments)[0].jagged
        assert jagged.ids.tolist() == [0, 1, 2]
        assert (jagged.weights**size).sum() == pytest.approx(1, rel=1e-6)


@both_kernels
@given(data=st.data())
@MODEST
def test_gather_gives_each_row_its_example_weight(kernels, data):
    """1 in chunks without any; none at all where no chunk has any."""
    store, everything = kernels.store(2), []
    weight = st.floats(0, 2.0**99, width=32)
    for size, weighted in data.draw(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4)):
        weights = data.draw(st.lists(weight, min_size=size, max_size=size)) if weighted else None
        offsets, ids = np.arange(2 * size + 1, dtype=np.int32), np.zeros(2 * size, np.int32)
        array = None if weights is None else np.array(weights, np.float32)
        store.add(offsets, ids, None, np.ones(size, np.float32), array)
        everything += [(x, weighted) for x in weights or [1.0] * size]
    chosen = data.draw(st.lists(st.integers(0, len(everything) - 1), max_size=9)) if everything else []
    asked = [np.array(rows, np.int64) for rows in (chosen, chosen[::-1], [])]
    made = store.gather(asked, np.zeros(2, np.int32), np.zeros(2, np.uint8), num_table_rows=1, num_threads=2)
    for batch, rows in zip(made, asked, strict=True):
        if not any(weighted for _, weighted in everything):
            assert batch.example_weights is None
        else:
            assert batch.example_weights.dtype == np.float32
            assert batch.example_weights.tolist() == [everything[row][0] for row in rows]


@both_kernels
@given(data=st.data())
@MODEST
def test_gather_gives_each_row_all_its_labels(kernels, data):
    """Of several labels, NaN kept; rows in any order, from chunks of any size."""
    num_labels = data.draw(st.integers(1, 4))
    store, everything = kernels.store(2, num_labels), []
    label = st.sampled_from((0.0, 1.0, np.nan)) if num_labels > 1 else st.sampled_from((0.0, 1.0))
    for size in data.draw(st.lists(st.integers(0, 4), max_size=4)):
        rows = [data.draw(st.lists(label, min_size=num_labels, max_size=num_labels)) for _ in range(size)]
        array = np.array(rows, np.float32).reshape((size, num_labels) if num_labels > 1 else size)
        store.add(np.arange(2 * size + 1, dtype=np.int32), np.zeros(2 * size, np.int32), None, array)
        everything += rows
    chosen = data.draw(st.lists(st.integers(0, len(everything) - 1), max_size=9)) if everything else []
    asked = [np.array(rows, np.int64) for rows in (chosen, chosen[::-1], [])]
    made = store.gather(asked, np.zeros(2, np.int32), np.zeros(2, np.uint8), num_table_rows=1, num_threads=2)
    for batch, rows in zip(made, asked, strict=True):
        expected = np.array([everything[row] for row in rows], np.float32).reshape(-1, num_labels)
        assert batch.labels.dtype == np.float32
        np.testing.assert_array_equal(batch.labels, expected if num_labels > 1 else expected[:, 0])


@both_kernels
def test_unlabelled_chunks_give_no_labels(kernels):
    store = kernels.store(2)
    store.add(np.array([0, 1, 1], np.int32), np.array([4], np.int32), None, None)
    (batch,) = store.gather([np.array([0], np.int64)], np.zeros(2, np.int32), np.zeros(2, np.uint8))
    jagged, labels = batch.jagged, batch.labels
    assert (jagged.ids.tolist(), jagged.weights, jagged.offsets.tolist()) == ([4], None, [0, 1, 1])
    assert labels.tolist() == []


@both_kernels
@pytest.mark.parametrize("num_threads", [1, 3])
def test_batches_come_with_their_plans_in_the_order_asked_for(kernels, num_threads):
    """As plan_rows makes them, one at a time; with weights and without."""
    rng, store = np.random.default_rng(0), kernels.store(2)
    for with_weights in (False, True):
        bags = [[[(int(i), 2.0) for i in rng.integers(0, 50, 3)] for _ in range(2)] for _ in range(30)]
        add_chunk(store, [(row, 1.0) for row in bags], with_weights)
    asked = [np.arange(0, 30), np.arange(25, 60)[::-1].copy(), np.zeros(0, np.int64), *np.split(np.arange(60), 20)]
    recipe = (np.array([0, 50], np.int32), np.zeros(2, np.uint8))
    made = store.gather(asked, *recipe, num_table_rows=100, num_threads=num_threads)
    assert [len(batch.labels) for batch in made] == [len(rows) for rows in asked]
    for batch, rows in zip(made, asked, strict=True):
        (alone,) = store.gather([rows], *recipe)
        assert alone.plan is None
        plan = kernels.plan_rows(alone.jagged, 100)
        for ours, theirs in ((batch.jagged, alone.jagged), (batch.plan, plan)):
            for name in vars(theirs):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
