"""Spread learns in blocks what numpy says of all numbers at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from manyhot.profile._spread import Spread, SpreadReport

A_BIN = 2 ** (1 / 16)


def spread(values: npt.NDArray[np.float32]) -> SpreadReport:
    learned = Spread()
    for part in np.array_split(values, 7):
        learned.add(part)
    return learned.report()


CASES = {
    "normal": lambda rng: rng.normal(3, 2, 5000),
    "long tail": lambda rng: rng.lognormal(0, 3, 5000),
    "far from 0": lambda rng: rng.normal(-1e6, 1, 5000),
    "a few far": lambda rng: np.append(rng.normal(0, 1, 5000), [1e5, -2e5, 1e5]),
    "far below": lambda rng: np.append(rng.normal(50, 1, 5000), [-400.0] * 3),
    "many zeros": lambda rng: np.where(rng.random(5000) < 0.9, 0, rng.random(5000)),
    "tiny": lambda rng: rng.random(5000) * 1e-40,
    "huge": lambda rng: rng.normal(0, 1e38, 5000).clip(-3e38, 3e38),
    "constant": lambda rng: np.full(5000, 0.1),
}


@pytest.mark.parametrize("name", CASES)
def test_what_numpy_says(name: str) -> None:
    values = CASES[name](np.random.default_rng(1)).astype(np.float32)
    said, wide = spread(values), values.astype(np.float64)
    assert said.count == len(values)
    assert (said.low, said.high) == (wide.min(), wide.max())
    assert said.mean == pytest.approx(wide.mean(), rel=1e-12)
    assert said.deviation == pytest.approx(wide.std(), rel=1e-6, abs=1e-12 * abs(wide.mean()))
    below = np.quantile(np.abs(wide), 0.999, method="inverted_cdf")
    assert below <= said.below * (1 + 1e-12) and said.below <= below * A_BIN * (1 + 1e-12)
    away = np.abs(wide - wide.mean())
    exact, certain = (away > 10 * wide.std()).mean(), (away > 10 * wide.std() + 0.05 * np.abs(wide)).mean()
    assert certain <= said.far_share <= exact or name == "constant"


def test_far_numbers_are_seen_and_near_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    assert spread(CASES["a few far"](rng).astype(np.float32)).far_share == pytest.approx(3 / 5003)
    assert spread(CASES["far below"](rng).astype(np.float32)).far_share == pytest.approx(3 / 5003)
    for name in ("normal", "far from 0", "constant"):
        assert spread(CASES[name](rng).astype(np.float32)).far_share == 0
