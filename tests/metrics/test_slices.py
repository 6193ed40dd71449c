"""Metrics by token against metrics of the rows that hold it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_rows import MODEST, Arrays, rows

from manyhot.metrics import Slice, auc, calibration_ratio, evaluate_slices, log_loss


def slices_by_loops(arrays: Arrays, held: list[set[int]], top: int) -> list[Slice]:
    """held: the codes of each row."""
    labels, logits, weights, _ = arrays
    holders = {
        code: [i for i in range(len(labels)) if code in held[i] and weights[i] > 0] for code in set().union(*held)
    }
    ranked = sorted((code for code in holders if holders[code]), key=lambda code: (-len(holders[code]), code))
    kept: list[tuple[int | None, list[int]]] = [(code, holders[code]) for code in ranked[:top]]
    if ranked[top:]:
        kept.append((None, sorted({i for code in ranked[top:] for i in holders[code]})))
    return [
        Slice(
            code,
            len(of),
            int(labels[of].sum()),
            auc(labels[of], logits[of], weights[of]),
            log_loss(labels[of], logits[of], weights[of]),
            calibration_ratio(labels[of], logits[of], weights[of]),
        )
        for code, of in kept
    ]


@given(rows(), st.data(), st.integers(1, 6))
@MODEST
def test_a_slice_is_the_metrics_of_its_rows(arrays: Arrays, data: st.DataObject, top: int) -> None:
    num_rows = len(arrays[0])
    held = data.draw(st.lists(st.sets(st.integers(-1, 5), max_size=4), min_size=num_rows, max_size=num_rows))
    pairs = [(row, code) for row, codes in enumerate(held) for code in sorted(codes)]
    places = np.array([row for row, _ in pairs], np.int64), np.array([code for _, code in pairs], np.int32)
    found, expected = evaluate_slices(*arrays[:3], *places, top), slices_by_loops(arrays, held, top)
    assert [line[:3] for line in found] == [line[:3] for line in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[3:] == tuple(None if value is None else pytest.approx(value, rel=1e-9) for value in theirs[3:])


def test_a_row_of_two_rare_tokens_is_in_the_rest_once() -> None:
    labels, logits = np.array([1, 0, 1], np.float32), np.array([1, 0, 2], np.float32)
    places = np.array([0, 1, 2, 2]), np.array([7, 7, 1, 2], np.int32)
    top, rest = evaluate_slices(labels, logits, None, *places, 1)
    assert top[:4] == (7, 2, 1, 1.0)
    assert rest[:4] == (None, 1, 1, None)
