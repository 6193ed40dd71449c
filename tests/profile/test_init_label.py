"""The label: which column it is, what tells it, and what SQL can make of a rating."""

import numpy as np
import pyarrow as pa
import pytest
from init_rows import label

from manyhot.errors import DataError
from manyhot.profile._columns import describe
from manyhot.profile._label import choose_label, derive_label, tells_label

ROWS = 500
RNG = np.random.default_rng(1)
CLICKS = label(RNG, ROWS)
OTHER = label(RNG, ROWS)
COLORS = RNG.choice(["red", "green"], ROWS)


def columns(**values):
    return [describe(name, pa.array(v)) for name, v in values.items()]


@pytest.mark.parametrize(
    "name", ["label", "click", "clk", "is_click", "Clicked", "target", "y", "isAttributed", "liked"]
)
@pytest.mark.parametrize("kind", [int, bool, float, str])
def test_the_name_tells_among_columns_of_zero_and_one(name, kind):
    found = choose_label(
        columns(is_new=OTHER, color=COLORS, **{name: [kind(v) if kind is not str else str(v) for v in CLICKS]}), None
    )
    assert found.column == name and (found.values == (CLICKS == 1)).all()


def test_the_only_column_of_zero_and_one_and_the_first_one():
    assert choose_label(columns(color=COLORS, f7=CLICKS), None).column == "f7"
    assert choose_label(columns(f1=CLICKS, f2=OTHER), None).column == "f1"


def test_not_the_opposite_and_not_one_with_gaps():
    assert choose_label(columns(nonclk=1 - CLICKS, clk=CLICKS), None).column == "clk"
    gaps = [None if i == 3 else int(v) for i, v in enumerate(CLICKS)]
    assert choose_label(columns(label=gaps, bought=OTHER), None).column == "bought"
    assert choose_label(columns(label=gaps, color=COLORS), None) is None


def test_two_that_are_as_likely_are_for_the_user_to_say():
    with pytest.raises(DataError, match='"f2", "f3"; say which, as --label f2'):
        choose_label(columns(color=COLORS, f2=CLICKS, f3=OTHER), None)
    assert choose_label(columns(color=COLORS, f2=CLICKS, f3=OTHER), "f3").column == "f3"
    with pytest.raises(DataError, match='no column "f33"; did you mean "f3"'):
        choose_label(columns(color=COLORS, f2=CLICKS, f3=OTHER), "f33")


TELLING = {
    "nonclk": 1 - CLICKS,
    "again": CLICKS.astype(str),
    "click_time": [1_500_000_000 + i if v else None for i, v in enumerate(CLICKS)],
    "no_reason": [None if v else "tired" for v in CLICKS],
    "outcome": [["none", "left"][i % 2] if not v else ["short", "long"][i % 2] for i, v in enumerate(CLICKS)],
    "rating": [4.0 + v - 0.01 * (i % 50) if v else 0.01 * (i % 50) for i, v in enumerate(CLICKS)],
    "bought": OTHER,  # another label
}
SILENT = {"color": COLORS, "is_new": OTHER, "price": RNG.random(ROWS), "user": RNG.integers(0, 90, ROWS)}


@pytest.mark.parametrize("name", [*TELLING, *SILENT])
def test_what_tells_the_label_is_named(name):
    values = {**TELLING, **SILENT}[name]
    array = pa.array(values)
    label_column = choose_label(columns(clk=CLICKS), None)
    assert bool(tells_label(describe(name, array), array, label_column)) == (name in TELLING)


def test_a_few_rows_say_nothing():
    array = pa.array(["a", "b", "b"])
    few = choose_label(columns(clk=[1, 0, 0]), None)
    assert tells_label(describe("color", array), array, few) == ""


def test_a_rating_is_cut_where_it_parts_the_rows_most_evenly():
    rating = RNG.choice([0.5, 1.0, 2.0, 3.0, 3.5, 4.0, 5.0], 2000, p=[0.02, 0.03, 0.1, 0.2, 0.15, 0.3, 0.2])
    found = derive_label(columns(user=np.arange(2000) % 50, rating=rating), None)
    assert (found.name, found.select) == ("liked", "*, rating >= 4 AS liked")
    assert derive_label(columns(user=SILENT["user"], color=COLORS), None) is None


def test_two_words_and_minus_one():
    found = derive_label(columns(clicked=np.where(CLICKS, "yes", "no")), None)
    assert found.select == "* REPLACE (clicked = 'yes' AS clicked)"
    found = derive_label(columns(label=2 * CLICKS - 1), None)
    assert found.select == "* REPLACE (label = 1 AS label)"
