"""A fit depends on the rows alone, to the last bit: not on order, cuts, threads, nor on how many parts learned it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import in_pieces, schema_of

from manyhot.data import Encoder, SourceBatch, open_source
from manyhot.data._distinct import DistinctCounts
from manyhot.data._fields import wanted_columns
from manyhot.data._fit import Fit
from manyhot.data._moments import Moments
from manyhot.data._partial import PARTIAL_SCHEMA, add_partial, partial_rows
from manyhot.schema import Field, Schema, Vocabulary

finite = st.floats(-1e308, 1e308)
plain = st.integers(-50, 50).map(float) | st.floats(-1e3, 1e3)
numbers = st.lists(finite | plain, min_size=1, max_size=30) | st.lists(plain, min_size=1, max_size=30)
QUIET = settings(deadline=None, max_examples=200)


def nearest(value: Fraction) -> float:
    return value.numerator / value.denominator  # Python rounds the quotient of whole numbers correctly


def is_nearest_root(found: float, square: Fraction) -> bool:
    """Whether no float64 is nearer to the root of `square`: it lies between the middles to found's neighbours."""
    below, above = (Fraction(math.nextafter(found, way)) for way in (-math.inf, math.inf))
    low, high = (Fraction(found) + below) / 2, (Fraction(found) + above) / 2
    return max(low, Fraction(0)) ** 2 <= square <= high**2


def moments_of(values: list[float], cuts: list[int]) -> Moments:
    moments = Moments()
    edges = [0, *sorted(c for c in cuts if c < len(values)), len(values)]
    for first, last in itertools.pairwise(edges):
        if first < last:
            moments.add(Moments.of(np.array(values[first:last]), with_sums=True))
    return moments


@QUIET
@given(numbers, st.lists(st.integers(0, 30), max_size=4), st.randoms())
def test_mean_and_deviation_are_the_nearest_floats_in_any_order_and_cuts(
    values: list[float], cuts: list[int], random: Any
) -> None:
    shuffled = random.sample(values, len(values))
    moments = moments_of(shuffled, cuts)
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / len(exact)
    assert moments.mean() == nearest(mean)
    assert is_nearest_root(moments.deviation(), sum((v - mean) ** 2 for v in exact) / len(exact))
    assert repr(moments) == repr(moments_of(values, []))


@pytest.mark.parametrize("scale", [5e-324, 1.0, 1e300])
def test_moments_of_many_numbers_and_of_one_many_times(scale: float) -> None:
    values = np.random.default_rng(1).integers(-(2**53) + 1, 2**53, 70_000).astype(float)
    values = values * 2.0**-1074 if scale < 1 else values / 2**53 * scale  # blocks at both ends of the range
    moments = Moments.of(values, with_sums=True)
    exact = [Fraction(v) for v in values.tolist()]
    assert Fraction(moments.total, 1 << 1126) == sum(exact)
    assert Fraction(moments.squares, 1 << 2252) == sum(v * v for v in exact)
    again = Moments()
    again.add(moments, 3)
    for _ in range(3):
        moments.add(Moments.of(values, with_sums=True))
    again.add(Moments.of(values, with_sums=True))
    assert again == moments


@QUIET
@given(st.lists(st.lists(st.sampled_from([0.0, -0.0, 1.5, -2.0, 1e300, 5e-324]), max_size=9), max_size=9))
def test_distinct_counts_are_a_counter(parts: list[list[float]]) -> None:
    counts, expected = DistinctCounts(), Counter[float]()
    for part in parts:
        counts.add(np.array(part, np.float64), np.arange(1, len(part) + 1))
        for times, value in enumerate(part, 1):
            expected[value] += times
    values, times = counts.counted()
    assert list(zip(values.tolist(), times.tolist(), strict=True)) == sorted(expected.items())
    assert not any(math.copysign(1, v) < 0 for v in values.tolist() if v == 0)


SCHEMA = schema_of(
    Field("app", Vocabulary("v", min_count=2, max_size=3)),
    Field("city", Vocabulary("v", min_count=2, max_size=3)),
    Field("hashed", Vocabulary("h", hash_buckets=7)),
    Field("a", numeric=["clip(-5, 5)", "standardize"]),
    Field("b", columns=["b", "c"], numeric=["standardize", "log2_bucket"]),
    Field("d", column="a", numeric=["quantile_bucket(3)"]),
    Field("e", column="b", numeric=["minmax"]),
)
number = st.none() | st.sampled_from([0.0, -0.0, 0.1, 0.2, 0.3, 1e30, -1e30, 1e-30, 7.0])
token = st.none() | st.sampled_from(["", "x", "y", "ž", "xy", "z"])
row = st.fixed_dictionaries(
    {"app": token, "city": token, "hashed": token, "a": number, "b": number, "c": number, "y": st.integers(0, 1)}
)
TYPES = pa.schema([(n, pa.string()) for n in ("app", "city", "hashed")] + [(n, pa.float64()) for n in "abcy"])


def fitted(schema: Schema, fit: Fit) -> str:
    return Encoder(schema, fit.vocabularies(1), fit.numbers).fingerprint()


@settings(deadline=None, max_examples=120)
@given(st.lists(row, min_size=1, max_size=12), st.lists(st.integers(1, 11), max_size=4), st.randoms())
def test_a_fit_in_parts_is_the_fit_of_the_whole(rows: list[dict], cuts: list[int], random: Any) -> None:
    table = pa.Table.from_pylist(rows, TYPES)
    expected = Encoder.fit(SCHEMA, open_source(table)).fingerprint()
    shuffled = pa.Table.from_pylist(random.sample(rows, len(rows)), TYPES)
    assert Encoder.fit(SCHEMA, open_source(in_pieces(shuffled, cuts))).fingerprint() == expected

    columns = list(wanted_columns(SCHEMA, with_labels=True))
    batches = in_pieces(shuffled, cuts).select(columns).to_batches()
    parts = []
    for batch in batches:
        fit = Fit(SCHEMA)
        assert fit.learn(SourceBatch(batch, "part")) == {}
        parts += partial_rows(fit)
    random.shuffle(parts)
    merged = Fit(SCHEMA)
    for part in parts:
        add_partial(merged, part)
    assert fitted(SCHEMA, merged) == expected

    summed = Fit(SCHEMA)  # as an engine does that adds up equal rows first
    rows_of_parts = pa.Table.from_batches(parts, PARTIAL_SCHEMA)
    groups = rows_of_parts.group_by(["kind", "name", "key"]).aggregate([("times", "sum")])
    groups = groups.rename_columns({"times_sum": "times"})
    for batch in groups.to_batches():
        add_partial(summed, batch)
    assert fitted(SCHEMA, summed) == expected
