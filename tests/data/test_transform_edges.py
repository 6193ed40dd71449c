"""Every numeric step at the values where formulas like to go wrong: bounds, zeros, ties, one value, none."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from row_lists import bags_as_tokens, fit, schema_of, tokens_of, with_label

from manyhot.errors import BadRowsError
from manyhot.schema import Field

UP, DOWN = math.inf, -math.inf
LARGEST, SMALLEST = float(np.finfo(np.float32).max), float(np.finfo(np.float32).smallest_subnormal)


def after(value: float) -> float:
    return math.nextafter(value, UP)


def before(value: float) -> float:
    return math.nextafter(value, DOWN)


def found(steps: list[str], train: list[Any], values: list[Any]) -> list[Any]:
    """A weight or a token for each value; None for an empty bag."""
    field = Field("f", numeric=steps)
    encoder = fit(schema_of(field), with_label({"f": pa.array(train, pa.float64())}))
    bags = bags_as_tokens(encoder, field, {"f": pa.array(values, pa.float64())})
    assert all(len(bag) <= 1 for bag in bags)
    return [None if not bag else bag[0][1] if field.is_value else bag[0][0] for bag in bags]


def single(value: float) -> float | None:
    """As float32; 0 is no pair."""
    return float(np.float32(value)) or None


VALUES = {
    "nothing": ([], lambda v: v, [0.0, -0.0, 1.0, LARGEST, -LARGEST, SMALLEST, SMALLEST / 2, 0.1, 2.0**53 + 2]),
    "clip": (["clip(-2, 20)"], lambda v: min(max(v, -2), 20), [-2, before(-2), after(-2), 0, 20, after(20), 1e38]),
    "clip to a point": (["clip(3, 3)"], lambda v: 3, [-1e38, 3, 1e38]),
    "clip below": (["clip(-inf, 0)"], lambda v: min(v, 0), [-5.5, 0, SMALLEST, 7]),
    "shift": (["shift(-1.5)"], lambda v: v - 1.5, [1.5, after(1.5), 0, -1.5, 1e20]),
    "log1p": (["log1p"], math.log1p, [0.0, -0.0, 1e-300, 1e-18, -0.5, after(-1.0), math.e - 1, 1e38]),
    "drop_below": (["drop_below(0.5)"], lambda v: 0 if abs(v) < 0.5 else v, [0.5, before(0.5), -0.5, after(-0.5), 0]),
    "drop_below(0)": (["drop_below(0)"], lambda v: v, [SMALLEST, 0, -1]),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_step_that_learns_nothing_is_its_formula(case: str) -> None:
    steps, formula, values = VALUES[case]
    wanted = [single(formula(float(v))) for v in values]
    got = found(steps, [1.0], [float(v) for v in values])
    for value, a, b in zip(values, got, wanted, strict=True):
        assert a == b or a == pytest.approx(b, rel=1e-7, abs=0), value


@pytest.mark.parametrize("value", [-1.0, before(-1.0), -1e38])
def test_log1p_refuses_what_it_cannot_take(value: float) -> None:
    with pytest.raises(BadRowsError, match="at or below -1"):
        found(["log1p"], [1.0], [value])


TRAINING = [
    [5.0],
    [5.0, 5.0],
    [0.0, 0.0, None],
    [-3.0, 7.0],
    [1e-20, 2e-20],
    [0.1, 0.2, 0.3, None, 0.1],
    [1e9, 1e9 + 1, 1e9 + 2],
    [-0.0, 0.0, 4.0],
]


@pytest.mark.parametrize("train", TRAINING, ids=str)
def test_minmax_and_standardize_are_exact(train: list[float | None]) -> None:
    """Against fractions; a constant column has span and deviation 0, and is only moved."""
    present = [Fraction(v) for v in train if v is not None]
    low, span = min(present), (max(present) - min(present)) or 1
    mean, deviation = statistics.fmean(map(float, present)), math.sqrt(statistics.pvariance(present)) or 1.0
    values = [*(v for v in train if v is not None), 0.0, 6.5, -9.0]
    for v, unit, standard in zip(
        values, found(["minmax"], train, values), found(["standardize"], train, values), strict=True
    ):
        assert (unit or 0.0) == pytest.approx(float((Fraction(v) - low) / span), rel=1e-6, abs=1e-30)
        assert (standard or 0.0) == pytest.approx((v - mean) / deviation, rel=1e-6, abs=1e-7)
    smallest, largest = float(low), float(low + span)
    assert found(["minmax"], train, [smallest]) == [None]
    assert found(["minmax"], train, [largest]) == [1.0]


def test_log2_bucket_at_its_edges() -> None:
    values = [2.0, after(2.0), before(2.0), 1.0, 0.5, 0.0, -0.0, -0.5, -1.0, -3.2, 3.0, math.e, 7.5, 1e38, 2**31]
    wanted = [str(math.floor(math.log(v) ** 2)) if v > 2 else f"SP{math.floor(v)}" for v in values]
    assert found(["log2_bucket"], values, values) == wanted
    assert wanted[:3] == ["SP2", "0", "SP1"] and wanted[5:8] == ["SP0", "SP0", "SP-1"]


def test_a_boundary_opens_its_bucket() -> None:
    boundaries = [-1.0, 0.0, 0.1, 1e38]
    values = [v for b in boundaries for v in (before(b), b, after(b))] + [-0.0, -1e38]
    wanted = [str(sum(b <= v for b in boundaries)) for v in values]
    assert found([f"bucket({', '.join(map(repr, boundaries))})"], values, values) == wanted


QUANTILES = {
    "one value": ([4.0], 3),
    "equal values": ([4.0] * 9, 4),
    "fewer values than buckets": ([1.0, 2.0, 3.0], 10),
    "as many values as buckets": ([3.0, 1.0, 2.0], 3),
    "a heavy tie": ([0.0] * 90 + [float(v) for v in range(10)], 4),
    "zeros of both signs": ([-0.0, 0.0, 1.0, 1.0], 2),
    "far ends": ([-1e38, 1e38, 0.0, 5e-324], 4),
    "none but missing": ([None, None], 4),
}


@pytest.mark.parametrize("case", QUANTILES)
def test_quantiles_at_their_edges(case: str) -> None:
    """A boundary is the smallest training value with k/n of them at or below; it closes its bucket."""
    train, buckets = QUANTILES[case]
    ordered = sorted(v for v in train if v is not None)
    ends = (
        {ordered[math.ceil(Fraction(k * len(ordered), buckets)) - 1] for k in range(1, buckets)} if ordered else set()
    )
    values = [w for v in sorted({*ordered, 0.5}) for w in (before(v), v, after(v))]
    known = {str(sum(e < v for e in ends)) for v in ordered}
    wanted = [token if (token := str(sum(e < v for e in ends))) in known else "OOV" for v in values]
    assert found([f"quantile_bucket({buckets})"], train, values) == wanted


def test_a_value_field_counts_its_name_by_rows_where_the_number_is_there() -> None:
    """Whatever the number is: 0 is a number, though its pair is dropped when encoding."""
    field = Field("f", columns=["a", "b"], numeric=[])
    data = with_label({"a": [0.0, 0.0, 0.0, None], "b": [1.0, 2.0, None, None]})
    encoder = fit(schema_of(field), data)
    assert tokens_of(encoder, "f") == ["OOV", "a", "b"]
    assert bags_as_tokens(encoder, field, data) == [[("b", 1.0)], [("b", 2.0)], [], []]
