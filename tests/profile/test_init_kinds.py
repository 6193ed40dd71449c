"""Kinds of columns: each known one is found, from text and from typed columns alike."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_rows import bags, words

from manyhot.profile._columns import describe
from manyhot.profile._numbers import propose_steps
from manyhot.schema import Field

ROWS = 600


def known(rng):
    """name -> (kind, values)."""
    tokens = words(rng, 40)
    return {
        "user_id": ("token", rng.permutation(5000)[rng.integers(0, 300, ROWS)]),
        "movieId": ("token", np.minimum(rng.zipf(1.4, ROWS), 5000)),
        "segment": ("token", [f"{v:04d}" for v in rng.integers(0, 99, ROWS)]),
        "weekday": ("token", rng.integers(0, 7, ROWS)),
        "city": ("token", rng.choice(tokens, ROWS)),
        "flag": ("token", rng.random(ROWS) < 0.5),
        "num_visits": ("number", rng.integers(0, 400, ROWS)),
        "f1": ("number", np.floor(rng.lognormal(2, 1.5, ROWS))),
        "f2": ("number", rng.normal(0, 1, ROWS)),
        "price": ("number", np.round(rng.lognormal(3, 1, ROWS), 2)),
        "age": ("number", rng.integers(15, 80, ROWS)),
        "country": ("constant", ["de"] * ROWS),
        "nothing": ("constant", [None] * ROWS),
        "request": ("row id", [f"{v:016x}" for v in rng.integers(0, 2**62, ROWS)]),
        "number": ("row id", np.arange(10**6, 10**6 + ROWS)),
        "time_stamp": ("time", rng.integers(1_494_000_000, 1_495_000_000, ROWS)),
        "seen": ("time", rng.integers(1_494_000_000_000, 1_495_000_000_000, ROWS)),
        "day": ("time", [f"2017-05-{v:02d}" for v in rng.integers(1, 30, ROWS)]),
        "hour": ("time", rng.integers(14102100, 14102123, ROWS)),
        "when": ("time", [datetime.datetime(2020, 1, int(v)) for v in rng.integers(1, 29, ROWS)]),
        "history": ("bag", ["|".join(bag) or None for bag in bags(rng, tokens, ROWS)]),
        "review": ("text", [" ".join(rng.choice(tokens, 9)) for _ in range(ROWS)]),
        "vector": ("unreadable", ["[0.1, 0.2]"] * 300 + ["[0.3, 0.4]"] * 300),
        "sales": ("unreadable", [f"{v:,}" for v in rng.integers(1, 10**6, ROWS)]),
    }  # fmt: skip


NAMES = list(known(np.random.default_rng(0)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("as_text", [False, True])
def test_the_kind_of_a_column(name, seed, as_text):
    kind, values = known(np.random.default_rng(seed))[name]
    array = pa.array(values)
    if as_text and name != "nothing":
        array = pa.array([None if v is None else str(v).encode() for v in array.to_pylist()], pa.binary())
    column = describe(name, array)
    assert column.kind == kind, column.why
    assert column.num_rows == ROWS


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_gaps_change_no_kind_and_are_counted(share):
    rng = np.random.default_rng(5)
    for name, (kind, values) in known(rng).items():
        if kind in ("constant", "row id", "text", "unreadable"):
            continue
        gaps = rng.random(ROWS) < share
        array = pa.array([None if gap else v for gap, v in zip(gaps, pa.array(values).to_pylist(), strict=True)])
        column = describe(name, array)
        assert column.kind == kind, (name, column.why)
        missing = sum(v is None for v in array.to_pylist()) / ROWS
        assert column.share_missing == pytest.approx(missing)


def test_lists_maps_and_structs():
    rng = np.random.default_rng(6)
    lists = bags(rng, words(rng, 20), 200)
    pairs = [[(t, 0.5) for t in dict.fromkeys(bag)] for bag in lists]
    pair = pa.struct([("token", pa.string()), ("weight", pa.float32())])
    structs = [[{"token": t, "weight": w} for t, w in bag] for bag in pairs]
    for array, weighted in (
        (pa.array(lists, pa.list_(pa.string())), False),
        (pa.array(lists, pa.large_list(pa.string())), False),
        (pa.array(pairs, pa.map_(pa.string(), pa.float32())), True),
        (pa.array(structs, pa.list_(pair)), True),
    ):
        column = describe("apps", array)
        assert (column.kind, column.is_weighted) == ("bag", weighted)
        assert set(column.tokens.tokens.to_pylist()) == {t for bag in lists for t in bag}
    assert describe("vector", pa.array([[0.5, 1.5]] * 20)).kind == "unreadable"
    assert describe("nested", pa.array([{"a": 1}] * 20)).kind == "unreadable"


def test_null_written_as_a_word_is_a_token_and_told():
    column = describe("brand", pa.array(["7", "NULL", "9", "7"] * 50))
    assert column.kind == "token" and column.null_word == ("NULL", 0.25)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(-50, 10**7), st.floats(-1e6, 1e9, allow_nan=False, width=32), st.sampled_from([0, 1, 2.5])
        ),
        min_size=1,
        max_size=200,
    )
)
def test_every_proposed_pipeline_is_one_and_takes_its_own_numbers(values):
    numbers = np.array(values, np.float64)
    steps, reason = propose_steps(numbers)
    field = Field("x", numeric=steps)
    assert reason
    names = [step.name for step in field.steps("x")]
    assert "log1p" not in names or numbers.min() >= 0
    if len(set(values)) <= 20 and len(set(values)) > 1:  # a bucket each
        (step,) = field.steps("x")
        buckets = np.searchsorted(step.arguments, numbers, side="right")
        assert len(set(buckets.tolist())) == len(np.unique(numbers))
