"""The cases of `manyhot bench`: sizes as documented, ids log-uniform, the same rows every time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from manyhot.bench import CASES, Case, build_case, simulate, write_case
from manyhot.schema import LR, DeepFM


def small(name: str = "criteo", **changes: object) -> Case:
    return replace(CASES[name], **changes)


@pytest.mark.parametrize(
    ("name", "rows", "pairs"),
    [("criteo", 0.9e6, 39), ("criteo-8m", 7.9e6, 39), ("apps", 1.2e6, 46), ("article", 14_752, 36), ("lr", 1.54e6, 12)],
)
def test_cases_are_as_large_as_they_say(name: str, rows: float, pairs: float) -> None:
    case = CASES[name]
    assert case.layout.num_rows == pytest.approx(rows, rel=0.05)
    assert case.pairs_per_example == pairs
    chunk = next(iter(simulate(case, 5_000, 0)))
    assert len(chunk.ids) / 5_000 == pytest.approx(pairs, rel=0.01)
    assert (chunk.weights is not None) == case.weighted


def test_ids_are_log_uniform_within_their_vocabulary() -> None:
    """P(id <= k) = ln(k + 2) / ln(V + 1): checked at the quartiles, for a vocabulary of 50 and the largest."""
    case = CASES["criteo"]
    ids = next(iter(simulate(case, 20_000, 1))).ids.reshape(20_000, 39)
    assert (ids >= 0).all()
    assert (ids.max(0) < np.array(case.vocabulary_sizes)).all()
    for field in (0, 38):
        size = case.vocabulary_sizes[field]
        for quantile in (0.25, 0.5, 0.75):
            bound = int(np.exp(quantile * np.log(size + 1)) - 1)
            assert (ids[:, field] <= bound).mean() == pytest.approx(np.log(bound + 2) / np.log(size + 1), abs=0.02)


def test_the_same_seed_gives_the_same_rows_and_another_does_not() -> None:
    one, same, other = (list(simulate(CASES["apps"], 300, seed)) for seed in (3, 3, 4))
    for a, b in zip(one, same, strict=True):
        assert a.ids.tobytes() + a.weights.tobytes() == b.ids.tobytes() + b.weights.tobytes()
    assert one[0].ids.tobytes() != other[0].ids.tobytes()


def test_examples_are_written_once(tmp_path: Path) -> None:
    case = small(num_examples=700)
    first = write_case(case, tmp_path)
    before = (tmp_path / "examples.arrow").stat().st_mtime_ns
    again = write_case(case, tmp_path)
    assert (first.num_rows, again.num_rows) == (700, 700)
    assert (tmp_path / "examples.arrow").stat().st_mtime_ns == before


def test_labels_of_logistic_regression_can_be_learned() -> None:
    """They follow true weights: examples that share the id of a small vocabulary click alike."""
    chunks = list(simulate(CASES["lr"], 20_000, 0))
    first = np.concatenate([chunk.ids.reshape(-1, 12)[:, 0] for chunk in chunks])
    labels = np.concatenate([chunk.labels for chunk in chunks])
    rates = [labels[first == k].mean() for k in range(4)]
    assert max(abs(a - b) for a, b in pairwise(rates)) > 0.05


def test_models_are_those_of_the_cases() -> None:
    assert isinstance(CASES["lr"].model, LR)
    model = build_case(small(vocabulary_sizes=(50,) * 39))
    assert isinstance(CASES["criteo"].model, DeepFM)
    assert model.tables.dim == 16
    assert len(model.heads["deep"].mlp) == 7
