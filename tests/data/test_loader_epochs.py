"""Loader: every epoch is all rows once, decided by seed and epoch alone, whatever the threads."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, in_pieces, rows_of, schema_of

from manyhot.data import EncodedChunk, Examples, Loader, TableLayout
from manyhot.data._loader import BLOCK_ROWS, WINDOW_ROWS
from manyhot.kernels import Batch, select
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
    num_rows: int, batch_size: int, cuts: list[int], number: int, num_threads: int
) -> None:
    for seed in (None, 7):
        made = loader(num_rows, batch_size, cuts, shuffle_seed=seed, num_threads=num_threads)
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
    other = loader(200, 16, [50, 51, 120], shuffle_seed=3, num_threads=1, with_plan=True)
    assert epoch(one, 2) == epoch(other, 2) == epoch(one, 2)
    orders = [epoch(one, 0), epoch(one, 1), epoch(loader(200, 16, shuffle_seed=4), 0), epoch(loader(200, 16), 0)]
    assert all(a != b for a, b in itertools.combinations(orders, 2))


def test_plans_are_made_where_they_are_asked_for() -> None:
    assert all(batch.plan is None for batch in loader(20, 8).epoch())
    for batch in loader(20, 8, with_plan=True).epoch():
        assert batch.plan is not None
        assert batch.plan.rows.tolist() == sorted(set(batch.jagged.ids.tolist()))


def test_two_epochs_may_run_at_once() -> None:
    made = loader(30, 4, shuffle_seed=1)
    pairs = zip(made.epoch(0), made.epoch(1), strict=True)
    first, second = zip(*((rows_in(a), rows_in(b)) for a, b in pairs), strict=True)
    assert (list(first), list(second)) == (epoch(made, 0), epoch(made, 1))


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_ids_beyond_the_table_are_an_error(num_threads: int) -> None:
    """What a damaged file of Examples could hold."""
    layout = TableLayout.of_sizes(schema_of(ROW, BAG), {"rows": 1001})
    chunk = EncodedChunk(
        np.arange(13, dtype=np.int32), np.array([1] * 8 + [5000] * 4, np.int32), None, np.zeros(6, np.float32)
    )
    broken = Loader(Examples([chunk], 2), layout, select("native"), 2, with_plan=True, num_threads=num_threads)
    with pytest.raises(ValueError, match="outside"):
        list(broken.epoch())


def test_shuffling_reaches_across_windows() -> None:
    """More rows than a window holds: still a permutation, neighbours part, and rows come from everywhere."""
    num_rows = 2 * WINDOW_ROWS + 7 * BLOCK_ROWS + 3
    chunk = EncodedChunk(
        np.arange(num_rows + 1, dtype=np.int32),
        np.arange(num_rows, dtype=np.int32),
        None,
        np.zeros(num_rows, np.float32),
    )
    schema = schema_of(Field("row", Vocabulary("rows")))
    layout = TableLayout.of_sizes(schema, {"rows": num_rows})
    made = Loader(Examples([chunk], 1), layout, select("native"), 1000, shuffle_seed=1)
    batches = [batch.jagged.ids for batch in made.epoch()]
    order = np.concatenate(batches)
    assert sorted(order.tolist()) == list(range(num_rows))
    assert (np.abs(np.diff(order)) == 1).mean() < 0.01
    for ids in batches[:-1]:  # each batch looks like a sample of all rows
        assert abs(ids.mean() / num_rows - 0.5) < 0.06
        assert len(set(ids // BLOCK_ROWS)) > 400
    assert [len(ids) for ids in batches] == [1000] * (num_rows // 1000) + [num_rows % 1000]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 30), st.integers(1, 12), st.integers(0, 12), st.booleans(), st.booleans())
def test_an_epoch_from_a_batch_on_is_the_rest_of_the_epoch_and_gathers_no_row_before(
    num_rows: int, batch_size: int, first: int, shuffled: bool, draws: bool
) -> None:
    keep = 0.5 if draws else 1.0
    made = loader(num_rows, batch_size, shuffle_seed=7 if shuffled else None, num_threads=2, keep_negatives=keep)
    whole, gathered, batches = epoch(made, 3), [], made.batches

    def counted(rows: list[npt.NDArray[np.int64]]) -> list[Batch]:
        gathered.extend(len(part) for part in rows)
        return batches(rows)

    made.batches = counted
    assert [rows_in(batch) for batch in made.epoch(3, first)] == whole[first:]
    assert gathered == [len(rows) for rows in whole[first:]]
