"""Which rows a Loader puts into an epoch and a batch: negatives drawn anew, and groups that stay together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import schema_of

from manyhot.data import EncodedChunk, Examples, Loader, TableLayout
from manyhot.kernels import Batch, select
from manyhot.schema import Field, Vocabulary

FIELD = Field("row", Vocabulary("rows"))


def loader(labels: list[int], groups: list[int] | None, batch_size: int, cuts: list[int], **options: object) -> Loader:
    """Row r has the id r; chunks end at `cuts`."""
    size = len(labels)
    chunks = [
        EncodedChunk(
            np.arange(last - first + 1, dtype=np.int32),
            np.arange(first, last, dtype=np.int32),
            None,
            np.array(labels[first:last], np.float32),
            groups=None if groups is None else np.array(groups[first:last], np.uint64),
        )
        for first, last in itertools.pairwise(sorted({0, *(cut for cut in cuts if cut < size), size}))
    ]
    layout = TableLayout.of_sizes(schema_of(FIELD), {"rows": max(size, 1)})
    return Loader(Examples(chunks, 1), layout, select("native"), batch_size, shuffle_seed=3, **options)


def epoch(made: Loader, number: int = 0) -> list[list[int]]:
    return [batch.jagged.ids.tolist() for batch in made.epoch(number)]


@pytest.mark.parametrize("whole_groups", [False, True])
def test_an_epoch_keeps_all_positives_and_a_share_of_the_negatives_drawn_anew(whole_groups: bool) -> None:
    labels = (np.random.default_rng(1).random(20_000) < 0.1).astype(int).tolist()
    groups = [r // 5 + 1 for r in range(len(labels))]
    made = loader(labels, groups, 512, [], keep_negatives=0.25, whole_groups=whole_groups)
    positives = {r for r, y in enumerate(labels) if y}
    kept = []
    for number in (1, 2):
        rows = list(itertools.chain(*epoch(made, number)))
        assert len(rows) == len(set(rows)) and positives <= set(rows)
        kept.append(set(rows) - positives)
    num_negatives = len(labels) - len(positives)
    for drawn in kept:  # within five deviations
        assert len(drawn) / num_negatives == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / num_negatives) ** 0.5)
    assert len(kept[0] & kept[1]) / num_negatives == pytest.approx(0.0625, abs=0.01)  # independent draws
    quarters = np.bincount(np.array(sorted(kept[0])) // 5000, minlength=4)  # from everywhere
    assert quarters.min() > 0.9 * quarters.max()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), max_size=40),
    st.integers(1, 9),
    st.lists(st.integers(1, 39), max_size=3),
    st.sampled_from([1.0, 0.5]),
    st.integers(1, 3),
)
def test_the_rows_are_the_same_for_any_chunks_and_threads(
    rows: list[tuple[int, int]], batch_size: int, cuts: list[int], keep: float, num_threads: int
) -> None:
    labels, groups = [y for y, _ in rows], [g for _, g in rows]
    for whole_groups in (False, True):
        options = {"keep_negatives": keep, "whole_groups": whole_groups}
        one = epoch(loader(labels, groups, batch_size, [], num_threads=1, **options), 4)
        other = epoch(loader(labels, groups, batch_size, cuts, num_threads=num_threads, with_plan=True, **options), 4)
        assert one == other
        found = sorted(itertools.chain(*one))
        assert len(found) == len(set(found))
        assert {r for r, y in enumerate(labels) if y} <= set(found)
        if keep == 1:
            assert found == list(range(len(labels)))
        if batch_size > 1:
            assert len(one) == 1 or all(len(batch) > 1 for batch in one)  # batch norm has no variance of one


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(1, 12))
def test_a_group_lies_in_one_batch_or_in_the_fewest(groups: list[int], batch_size: int) -> None:
    batches = epoch(loader([0] * len(groups), groups, batch_size, [], whole_groups=True), 1)
    assert sorted(itertools.chain(*batches)) == list(range(len(groups)))
    for group in set(groups) - {0}:
        counts = [sum(groups[r] == group for r in batch) for batch in batches]
        parts = [count for count in counts if count]
        assert len(parts) <= -(-sum(parts) // batch_size)
        assert max(parts) - min(parts) <= 2  # nearly equal; a single row may have joined
    assert max(map(len, batches)) <= batch_size + 2 * (batch_size > 1)
    joined = itertools.pairwise(batches)  # no batch could have taken its successor whole
    assert all(len(a) + len(b) > batch_size for a, b in joined)


def test_batches_know_the_groups_of_their_rows_where_they_are_whole() -> None:
    groups = [5, 2**63 + 1, 0, 5, 7, 2**63 + 1]
    made = loader([1, 0] * 3, groups, 3, [2], whole_groups=True)
    for batch in made.epoch():
        assert batch.groups is not None and batch.groups.dtype == np.uint64
        assert batch.groups.tolist() == [groups[r] for r in batch.jagged.ids]
    plain: list[Batch] = list(loader([1, 0] * 3, groups, 3, []).epoch())
    assert all(batch.groups is None for batch in plain)


def test_seed_and_epoch_decide_and_groups_come_in_another_order_each_time() -> None:
    groups = (np.arange(300) // 3 + 1).tolist()
    made = loader([0, 1, 0] * 100, groups, 30, [], whole_groups=True)
    assert epoch(made, 1) == epoch(made, 1) != epoch(made, 2)
    first = [[groups[r] for r in batch] for batch in epoch(made, 1)]
    neighbours = [b - a for batch in first for a, b in itertools.pairwise(dict.fromkeys(batch))]
    assert neighbours.count(1) < 0.1 * len(neighbours)
    order = epoch(made, 1)[0]
    assert order != sorted(order)
