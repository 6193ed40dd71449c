"""RowSample against its definition: the distinct rows of the lowest hashes, with exact counts, in any order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhot.data.trees import RowSample, _row_sample

Row = tuple[int, ...]
BITS = 2**64 - 1


def splitmix(z: int) -> int:
    z = z + 0x9E3779B97F4A7C15 & BITS
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & BITS
    z = (z ^ z >> 27) * 0x94D049BB133111EB & BITS
    return z ^ z >> 31


def place(row: Row, seed: int) -> tuple[int, int]:
    halves = []
    for half in range(2):
        value = 2 * seed + half
        for number in row:
            value = splitmix(value ^ number)
        halves.append(value)
    return halves[0], halves[1]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 1, 2**63]))),
    st.integers(1, 12),
    st.integers(0, 3),
    st.lists(st.integers(0, 30), max_size=6),
    st.sampled_from([0, 5]),
)
def test_the_lowest_rows_with_their_counts(rows: list[Row], limit: int, seed: int, cuts: list[int], slack: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_row_sample, "_SLACK", slack)  # else so few rows would settle at the end alone
        sample = RowSample(2, limit, seed)
        for part in np.split(np.array(rows, np.uint64).reshape(-1, 2), sorted(c for c in cuts if c < len(rows))):
            sample.add(part)
        found, times = sample.drawn()
    counts = Counter(rows)
    expected = sorted(counts, key=lambda row: place(row, seed))[:limit]
    assert [tuple(row) for row in found.tolist()] == expected
    assert times.tolist() == [counts[row] for row in expected]


def test_the_sample_is_a_fair_share() -> None:
    sample = RowSample(1, 5000, 1)
    for first in range(0, 200_000, 20_000):
        sample.add(np.arange(first, first + 20_000, dtype=np.uint64)[:, None])
    rows, times = sample.drawn()
    assert len(rows) == 5000 and (times == 1).all()
    shares, _ = np.histogram(rows, bins=10, range=(0, 200_000))
    assert abs(shares - 500).max() < 5 * np.sqrt(500)
