"""Numeric fields against float64 formulas; whatever is fitted is fitted on the training rows only."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import Bag, bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of, with_label

from manyhot.data import Encoder
from manyhot.errors import BadRowsError
from manyhot.schema import Field

Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]


def any_present(column: list[float | None]) -> bool:
    return any(v is not None for v in column)


ordinary = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))
columns = st.lists(st.none() | ordinary | st.integers(-5, 5).map(float), min_size=1, max_size=12)
training = columns.filter(any_present)
QUIET = settings(deadline=None, max_examples=60)


def minmax(train: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (v - train.min()) / ((train.max() - train.min()) or 1.0)


# steps -> what they are, from the (present) training values and the values
VALUES: dict[tuple[str, ...], Formula] = {
    (): lambda train, v: v,
    ("clip(-2, 20)",): lambda train, v: np.minimum(np.maximum(v, -2), 20),
    ("clip(0, inf)",): lambda train, v: np.maximum(v, 0),
    ("shift(1.5)",): lambda train, v: v + 1.5,
    ("drop_below(0.5)",): lambda train, v: np.where(np.abs(v) < 0.5, 0, v),
    ("clip(0, inf)", "log1p"): lambda train, v: np.log(1 + np.maximum(v, 0)),
    ("minmax",): minmax,
    ("shift(1)", "clip(0, inf)", "log1p", "minmax", "drop_below(1e-6)"): lambda train, v: (
        lambda x: np.where(np.abs(x) < 1e-6, 0, x)
    )(minmax(np.log1p(np.maximum(train + 1, 0)), np.log1p(np.maximum(v + 1, 0)))),
    ("minmax", "shift(-0.5)"): lambda train, v: minmax(train, v) - 0.5,
}


@pytest.mark.parametrize("steps", VALUES, ids="|".join)
@QUIET
@given(train=training, other=columns)
def test_a_value_is_its_formula_in_float64(
    steps: tuple[str, ...], train: list[float | None], other: list[float | None]
) -> None:
    field = Field("f", numeric=steps)
    encoder = fit(schema_of(field), with_label({"f": pa.array(train, pa.float64())}))
    present = np.array([v for v in train if v is not None])
    for column in (train, other):
        found = bags_as_tokens(encoder, field, {"f": pa.array(column, pa.float64())})
        for value, bag in zip(column, found, strict=True):
            wanted = 0.0 if value is None else float(np.float32(VALUES[steps](present, np.array([value]))[0]))
            assert len(bag) == (abs(wanted) > 0) or abs(wanted) < 1e-12
            assert {t for t, _ in bag} <= {"f"}
            assert sum(w for _, w in bag) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


@QUIET
@given(training, columns)
def test_standardize_is_mean_zero_and_deviation_one_on_train(
    train: list[float | None], other: list[float | None]
) -> None:
    field = Field("f", numeric=["standardize"])
    encoder = fit(schema_of(field), with_label({"f": pa.array(train, pa.float64())}))
    present = np.array([v for v in train if v is not None])
    deviation = present.std()
    scale = np.abs(present).max() + 1e-9
    for value, bag in zip(other, bags_as_tokens(encoder, field, {"f": pa.array(other, pa.float64())}), strict=True):
        if value is None:
            assert bag == []
        elif deviation > 1e-6 * scale:
            assert sum(w for _, w in bag) == pytest.approx((value - present.mean()) / deviation, rel=1e-4, abs=1e-4)


def log2_token(value: float) -> str:
    return str(math.floor(math.log(value) ** 2)) if value > 2 else f"SP{math.floor(value)}"


def bucket_token(boundaries: list[float], value: float) -> str:
    return str(sum(value >= b for b in boundaries))


def quantile_token(train: list[float], buckets: int, value: float) -> str:
    """Boundaries: the smallest training value with at least k/buckets of them at or below. They close their buckets."""
    ordered = sorted(train)
    boundaries = {ordered[math.ceil(k * len(ordered) / buckets) - 1] for k in range(1, buckets)} if ordered else set()
    return str(sum(b < value for b in boundaries))


BUCKETS = {
    "log2_bucket": lambda train, v: log2_token(v),
    "bucket(0)": lambda train, v: bucket_token([0], v),
    "bucket(-1, 0.5, 3)": lambda train, v: bucket_token([-1, 0.5, 3], v),
    "quantile_bucket(2)": lambda train, v: quantile_token(train, 2, v),
    "quantile_bucket(7)": lambda train, v: quantile_token(train, 7, v),
}


@pytest.mark.parametrize("step", BUCKETS)
@QUIET
@given(columns, columns)
def test_a_bucket_is_its_formula(step: str, train: list[float | None], other: list[float | None]) -> None:
    field = Field("f", numeric=[step])
    encoder = fit(schema_of(field), with_label({"f": pa.array(train, pa.float64())}))
    present = [v for v in train if v is not None]
    assert set(tokens_of(encoder, "f")[1:]) == {BUCKETS[step](present, v) for v in present}
    known = set(tokens_of(encoder, "f"))
    for column in (train, other):
        expected: list[Bag] = []
        for value in column:
            token = None if value is None else BUCKETS[step](present, value)
            expected.append([] if token is None else [(token if token in known else "OOV", 1.0)])
        assert bags_as_tokens(encoder, field, {"f": pa.array(column, pa.float64())}) == expected


def test_buckets_of_several_columns_carry_the_name_of_their_column() -> None:
    field = Field("f", columns=["a", "b"], numeric={"a": ["bucket(1)"], "b": ["quantile_bucket(2)"]})
    data = with_label({"a": [0, 5, None], "b": [3.0, 4.0, 5.0]})
    encoder = fit(schema_of(field), data)
    assert bags_as_tokens(encoder, field, data) == [
        [("a/0", 1.0), ("b/0", 1.0)],
        [("a/1", 1.0), ("b/0", 1.0)],
        [("b/1", 1.0)],
    ]
    # b/0 is seen twice, the others once
    assert tokens_of(encoder, "f") == ["OOV", "b/0", "a/0", "a/1", "b/1"]


def test_values_of_several_columns_are_pairs_of_column_and_number() -> None:
    field = Field("f", columns=["a", "b"], numeric=["clip(0, 9)"])
    data = with_label({"a": [1.0, None, 0.0], "b": [99.0, 2.0, 3.0]})
    assert bags_as_tokens(fit(schema_of(field), data), field, data) == [
        [("a", 1.0), ("b", 9.0)],
        [("b", 2.0)],
        [("b", 3.0)],
    ]


def test_minmax_is_fitted_over_all_files(tmp_path: Path) -> None:
    for name, values in (("a", [5, 3]), ("b", [9, 1, 7])):
        (tmp_path / f"{name}.csv").write_text("f,y\n" + "".join(f"{v},0\n" for v in values))
    encoder = fit(schema_of(Field("f", numeric=["minmax"])), tmp_path / "*.csv")
    for source in (tmp_path / "*.csv", {"f": [5, 3, 9, 1, 7]}):
        assert rows_of(encode(encoder, source), 1) == [[[(1, 0.5)]], [[(1, 0.25)]], [[(1, 1.0)]], [[]], [[(1, 0.75)]]]


def test_a_number_is_the_same_in_every_type() -> None:
    field = Field("f", numeric=[])
    encoder = fit(schema_of(field), with_label({"f": [1]}))
    kinds = [pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(25, 2)]
    arrays = [pa.array([3, None, 0, 1]).cast(kind) for kind in kinds]
    arrays += [
        pa.array(texts) for texts in (["3", None, "0", "1"], [" 3.0 ", "", "-0", "1e0"], [b"+3", None, b"0.0", b"1."])
    ]
    arrays.append(pa.array(["3", None, "0", "1"]).dictionary_encode())
    for array in arrays:
        assert bags_as_tokens(encoder, field, {"f": array}) == [[("f", 3.0)], [], [], [("f", 1.0)]], array.type


@pytest.mark.parametrize("value", [1e39, -1e300, 3.5e38])
@pytest.mark.parametrize("steps", [[], ["shift(1)"]])
def test_a_value_too_large_for_float32_is_a_bad_row(value: float, steps: list[str]) -> None:
    field = Field("f", numeric=steps)
    with pytest.raises(BadRowsError, match=r'row 2: column "f"'):
        encode(fit(schema_of(field), with_label({"f": [1.0, 1.0]})), {"f": [1.0, value]})


@pytest.mark.parametrize("step", ["minmax", "standardize"])
def test_fitting_on_huge_values_overflows_nothing(step: str) -> None:
    def task() -> list[list[tuple[str, float]]]:
        data = with_label({"f": [1e200, -1e200, 0.0]})
        return bags_as_tokens(fit(schema_of(Field("f", numeric=[step])), data), Field("f", numeric=[step]), data)

    try:
        assert all(math.isfinite(w) for bag in task() for _, w in bag)
    except BadRowsError as error:
        assert 'column "f"' in str(error)  # refusing them is as good


def test_log1p_below_minus_one_is_a_bad_row_wherever_it_stands() -> None:
    values = [-9.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    for steps in (["log1p"], ["standardize", "log1p"], ["standardize", "log1p", "bucket(0.5)"]):
        data = with_label({"f": values})

        def task(steps: list[str] = steps, data: pa.Table = data) -> None:
            encode(fit(schema_of(Field("f", numeric=steps)), data), data)

        with pytest.raises(BadRowsError, match=r'row 1: column "f" is at or below -1, where log1p is undefined'):
            task()


def test_what_was_fitted_survives_state() -> None:
    schema = schema_of(
        Field("a", numeric=["clip(0, 20)", "log1p", "minmax"]),
        Field("b", numeric=["quantile_bucket(3)"]),
        Field("c", numeric=["standardize"]),
        Field("d"),
    )
    data = with_label({"a": [1, 30, 5], "b": [1.0, 2.0, 3.0], "c": [0.5, None, 2.0], "d": ["x", "漢", "x"]})
    encoder = fit(schema, data)
    again = Encoder.from_state(*encoder.state())
    assert again.fingerprint() == encoder.fingerprint()
    assert rows_of(encode(again, data), 4) == rows_of(encode(encoder, data), 4)


def test_what_transforms_blow_up_is_a_bad_row_and_a_constant_column_stays_small() -> None:
    field = Field("f", numeric=["minmax"])
    encoder = fit(schema_of(field), with_label({"f": [0.0, 1e-30]}))
    with pytest.raises(BadRowsError, match='column "f" becomes too large'):
        encode(encoder, with_label({"f": [1e30]}))
    field = Field("f", numeric=["standardize"])
    encoder = fit(schema_of(field), with_label({"f": [0.1, 0.1, 0.1]}))
    assert abs(bags_as_tokens(encoder, field, with_label({"f": [0.2]}))[0][0][1] - 0.1) < 1e-6
