"""The text of numeric transforms: what it means, and the sentence where it means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhot.errors import ConfigError
from manyhot.schema import Field, Step

MISTAKES = {
    "clp(0, 1)": ['"clp"', 'did you mean "clip"?'],
    "log2_bukket": ['"log2_bukket"', 'did you mean "log2_bucket"?'],
    "clip": ['"clip"', "wrong arguments", '"clip(0, 20)"'],
    "clip(1)": ["wrong arguments", '"clip(0, 20)"'],
    "clip(1, 2, 3)": ["wrong arguments", '"clip(0, 20)"'],
    "clip(2, 1)": ["lower bound above its upper bound"],
    "clip(nan, 1)": ["wrong arguments", '"clip(0, 20)"'],
    "clip(a, b)": ["must be numbers", '"clip(0, 20)"'],
    "clip(1,)": ["must be numbers", '"clip(0, 20)"'],
    "clip(0, 1": ["is no transform", '"clip(0, 20)"'],
    "": ["is no transform", '"log1p"'],
    "log1p(2)": ["wrong arguments", '"log1p"'],
    "minmax(0, 1)": ["wrong arguments", '"minmax"'],
    "shift()": ["wrong arguments", '"shift(1)"'],
    "shift(inf)": ["finite"],
    "bucket()": ["wrong arguments", '"bucket(1, 5, 20)"'],
    "bucket(2, 1)": ["must rise"],
    "bucket(1, 1)": ["must rise"],
    "bucket(1, inf)": ["finite"],
    "quantile_bucket(1)": ["whole number of buckets between 2 and 10000"],
    "quantile_bucket(2.5)": ["whole number of buckets"],
    "quantile_bucket(inf)": ["quantile_bucket(inf)"],
    "drop_below(-inf)": ["finite"],
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_bad_transform_names_field_column_and_remedy(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Field("age", column="years", numeric=[text])
    sentence = str(caught.value)
    expected = ['field "age"', 'column "years"', *MISTAKES[text]]
    assert [word for word in expected if word not in sentence] == [], sentence


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (["minmax", "standardize"], ["minmax and standardize", "one of them"]),
        (["minmax", "quantile_bucket(4)"], ["minmax and quantile_bucket", "one of them"]),
        (["bucket(1)", "log1p"], ["bucket", "last step"]),
        (["log2_bucket", "clip(0, 1)"], ["log2_bucket", "last step"]),
    ],
)
def test_a_bad_order_of_transforms_is_named(steps: list[str], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Field("age", numeric=steps)
    assert [word for word in ['field "age"', *words] if word not in str(caught.value)] == [], str(caught.value)


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(numbers, min_size=2, max_size=2).map(sorted), numbers, st.sampled_from(["", " ", "  "]))
def test_numbers_of_steps_survive_any_spelling(bounds: list[float], shift: float, space: str) -> None:
    low, high = bounds
    texts = [f"{space}clip({space}{low!r},{space}{high!r}{space})", f"shift{space}({shift!r}){space}", f"log1p{space}"]
    steps = Field("age", numeric=texts).steps("age")
    assert steps == (Step("clip", (low, high)), Step("shift", (shift,)), Step("log1p"))


def test_the_default_combiner_is_sum_for_numbers_and_sqrtn_for_tokens_and_buckets() -> None:
    fields = [Field("a"), Field("a", numeric=["log1p"]), Field("a", numeric=["bucket(1)"]), Field("a", combiner="mean")]
    assert [field.effective_combiner for field in fields] == ["sqrtn", "sum", "sqrtn", "mean"]
