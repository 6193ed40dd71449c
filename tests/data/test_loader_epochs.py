"""Loader: every epoch is all rows once, decided by seed and epoch alone; its thread ends and its errors arrive."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, in_pieces, rows_of, schema_of

from manyhot.data import Batch, EncodedChunk, Examples, Loader, TableLayout
from manyhot.kernels import select
from manyhot.schema import Field, Vocabulary

ROW = Field("row", Vocabulary("rows", identity=1000))
BAG = Field("bag", Vocabulary("rows", identity=1000), weights="w", combiner="sum")


def loader(num_rows: int, batch_size: int, cuts: list[int] | None = None, **options: object) -> Loader:
    """Row r has the tokens r, and r-fold a bag of 0, 1, .. with weights r + 1; label r mod 2."""
    table = pa.table(
        {
            "row": pa.array(range(num_rows), pa.int32()),
            "bag": pa.array([list(range(r % 3)) for r in range(num_rows)], pa.list_(pa.int32())),
            "w": pa.array([[r + 1.0] * (r % 3) for r in range(num_rows)], pa.list_(pa.float32())),
            "y": pa.array([r % 2 for r in range(num_rows)], pa.int8()),
        }
    )
    encoder = fit(schema_of(ROW, BAG), table)
    examples = Examples(encode(encoder, in_pieces(table, cuts or []), with_labels=True), 2)
    return Loader(examples, TableLayout.of(encoder), select("native"), batch_size, **options)


def rows_in(batch: Batch) -> list[int]:
    """The numbers of the rows of a batch, each row's whole content checked."""
    jagged = batch.jagged
    chunk = EncodedChunk(jagged.offsets, jagged.ids, jagged.weights, None)
    numbers = []
    for (row, bag), label in zip(rows_of([chunk], 2), batch.labels.tolist(), strict=True):
        ((token, weight),) = row
        number = token - 1
        assert (weight, label) == (1.0, number % 2)
        assert bag == [(i + 1, number + 1.0) for i in range(number % 3)]
        numbers.append(number)
    return numbers


def epoch(loader: Loader, number: int = 0) -> list[list[int]]:
    return [rows_in(batch) for batch in loader.epoch(number)]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 30),
    st.integers(1, 12),
    st.lists(st.integers(1, 29), max_size=3),
    st.integers(0, 5),
    st.integers(1, 4),
)
def test_an_epoch_is_a_permutation_of_all_rows(
    num_rows: int, batch_size: int, cuts: list[int], number: int, num_ahead: int
) -> None:
    for seed in (None, 7):
        made = loader(num_rows, batch_size, cuts, shuffle_seed=seed, num_ahead=num_ahead)
        batches = epoch(made, number)
        assert sorted(itertools.chain(*batches)) == list(range(num_rows))
        if batch_size > 1 and num_rows > 1:
            assert all(len(batch) > 1 for batch in batches)  # batch norm has no variance of one
            assert not batches or len(batches[-1]) <= batch_size + 1
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
        if seed is None:
            assert list(itertools.chain(*batches)) == list(range(num_rows))


def test_seed_and_epoch_decide_the_order_and_nothing_else() -> None:
    one = loader(200, 16, shuffle_seed=3)
    other = loader(200, 16, [50, 51, 120], shuffle_seed=3, num_ahead=1, with_plan=True)
    assert epoch(one, 2) == epoch(other, 2) == epoch(one, 2)
    orders = [epoch(one, 0), epoch(one, 1), epoch(loader(200, 16, shuffle_seed=4), 0), epoch(loader(200, 16), 0)]
    assert all(a != b for a, b in itertools.combinations(orders, 2))


def test_plans_are_made_where_they_are_asked_for() -> None:
    assert all(batch.plan is None for batch in loader(20, 8).epoch())
    for batch in loader(20, 8, with_plan=True).epoch():
        assert batch.plan is not None
        assert batch.plan.rows.tolist() == sorted(set(batch.jagged.ids.tolist()))


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "manyhot-loader"]


@pytest.mark.parametrize("taken", [0, 1, 5, 16])
def test_an_abandoned_iteration_ends_its_thread(taken: int) -> None:
    batches = loader(20, 1, num_ahead=2).epoch()
    assert len(list(itertools.islice(batches, taken))) == taken
    assert len(threads()) == (taken > 0)  # it waits: only two batches may be ahead
    batches.close()  # type: ignore[attr-defined]
    assert threads() == []


def test_leaving_a_loop_early_ends_its_thread() -> None:
    def first() -> list[int]:
        for batch in loader(20, 1, num_ahead=1).epoch():
            return rows_in(batch)
        return []

    assert first() == [0]
    assert threads() == []


def test_two_epochs_may_run_at_once() -> None:
    made = loader(30, 4, shuffle_seed=1)
    pairs = zip(made.epoch(0), made.epoch(1), strict=True)
    first, second = zip(*((rows_in(a), rows_in(b)) for a, b in pairs), strict=True)
    assert (list(first), list(second)) == (epoch(made, 0), epoch(made, 1))


def test_an_error_of_the_thread_reaches_the_loop() -> None:
    layout = TableLayout.of_sizes(schema_of(ROW, BAG), {"rows": 1001})
    # ids beyond the table: what a damaged file of Examples could hold
    chunk = EncodedChunk(
        np.arange(13, dtype=np.int32), np.array([1] * 8 + [5000] * 4, np.int32), None, np.zeros(6, np.float32)
    )
    broken = Loader(Examples([chunk], 2), layout, select("native"), 2, with_plan=True)
    batches = broken.epoch()
    assert len(list(itertools.islice(batches, 2))) == 2
    with pytest.raises((ValueError, IndexError)):
        next(batches)
    assert threads() == []
