"""Distributions that fresh tables are drawn from, against their moments and bounds."""

from __future__ import annotations

import math

import nn_oracle as oracle
import numpy as np
import pytest

from manyhot.kernels import select
from manyhot.nn import Tables

ROWS = 20_000


def fresh(kind: str, scale: float = 0.01, linear_scale: float = 0.0, dim: int = 4, seed: int = 1) -> Tables:
    layout = type(oracle.layout_of()).of_sizes(oracle.Schema(label="y", fields=(oracle.Field("app"),)), {"app": ROWS})
    tables = Tables(layout, dim, select("native"))
    tables.initialise(seed, scale, kind, linear_scale)
    return tables


CASES = {  # deviation and largest value, for the scale 0.5
    "normal": (0.5, np.inf),
    # a normal cut at 2: variance 1 - 2 * 2 * pdf(2) / (2 * cdf(2) - 1)
    "truncated_normal": (0.5 * math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))), 1.0),
    "uniform": (0.5 / math.sqrt(3), 0.5),
    "glorot": (math.sqrt(6 / (ROWS + 4)) / math.sqrt(3), math.sqrt(6 / (ROWS + 4))),
}


@pytest.mark.parametrize("kind", CASES)
def test_deviation_and_bounds(kind: str) -> None:
    deviation, largest = CASES[kind]
    latent = fresh(kind, 0.5).latent("app").astype(float)
    assert latent.std() == pytest.approx(deviation, rel=0.01)
    assert abs(latent.mean()) < 0.02 * deviation
    assert largest == np.inf or 0.99 * largest < np.abs(latent).max() <= largest * (1 + 1e-6)
    if largest == np.inf:
        assert np.abs(latent).max() > 3 * deviation
    assert abs(np.corrcoef(latent.T) - np.eye(4)).max() < 0.05


def test_zeros_and_the_linear_weights() -> None:
    assert not fresh("zeros").data.any()
    assert not fresh("normal", 0.5).linear("app").any()
    tables = fresh("uniform", 0.5, linear_scale=0.25)
    assert 0.24 < np.abs(tables.linear("app")).max() <= 0.25
    assert tables.latent("app").tobytes() == fresh("uniform", 0.5).latent("app").tobytes()
    assert fresh("normal", linear_scale=0.1, dim=0).linear("app").std() == pytest.approx(0.1, rel=0.05)
    assert not fresh("glorot").linear("app").any()


@pytest.mark.parametrize("kind", CASES)
def test_the_seed_decides(kind: str) -> None:
    one, same, other = (fresh(kind, 0.5, seed=seed).data.tobytes() for seed in (1, 1, 2))
    assert one == same != other
