"""What an encoder is made from again, where it is not what was learned: refused before anything follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from row_lists import fit

from manyhot.data import Encoder
from manyhot.errors import ModelFileError
from manyhot.schema import Field, Schema, Vocabulary

COLUMNS = {
    "y": [0, 1, 0, 1],
    "city": ["a", "bb", "a", "ccc"],
    "age": [1.0, 2.0, 4.0, 8.0],
    "day": ["x", "y", "x", "z"],
}
SCHEMA = Schema(
    label="y",
    fields=[
        Field("city", Vocabulary("city")),
        Field("low", column="age", numeric=["minmax"]),
        Field("mean", column="age", numeric=["log1p", "standardize"]),
        Field("part", column="age", numeric=["quantile_bucket(3)"]),
        Field("day", Vocabulary("day", hash_buckets=4)),
    ],
)
TOKENS, OFFSETS = "vocabulary.city.tokens", "vocabulary.city.offsets"
Settings = dict[str, Any]
Arrays = dict[str, np.ndarray]


def offsets(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Settings, Arrays], object]:
    return lambda s, a: a.update({OFFSETS: change(a[OFFSETS])})


def fitted(place: int, value: object) -> Callable[[Settings, Arrays], object]:
    def change(settings: Settings, arrays: Arrays) -> None:
        field, column, _ = settings["numbers"][place]
        settings["numbers"][place] = [field, column, value]

    return change


DAMAGE: dict[str, Callable[[Settings, Arrays], object]] = {
    "offsets fall": offsets(lambda o: o[::-1].copy()),
    "offsets start late": offsets(lambda o: o + 1),
    "offsets end early": offsets(lambda o: o[:-1]),
    "offsets lead outside": offsets(lambda o: np.append(o, o[-1] + 9)),
    "offsets overflow": offsets(lambda o: np.concatenate([[0, 2**62], o[1:]])),
    "offsets repeat": offsets(lambda o: np.repeat(o, 2)),
    "no offsets": offsets(lambda o: o[:0]),
    "offsets of another type": offsets(lambda o: o.astype(np.uint64)),
    "offsets in a square": offsets(lambda o: o.reshape(2, 2)),
    "tokens of another type": lambda s, a: a.update({TOKENS: a[TOKENS].view(np.int8)}),
    "tokens twice": lambda s, a: a.update({TOKENS: np.full(6, 97, np.uint8), OFFSETS: np.array([0, 1, 2, 6])}),
    "tokens where none are": lambda s, a: a.update(
        {"vocabulary.day.tokens": np.zeros(1, np.uint8), "vocabulary.day.offsets": np.array([0, 1])}
    ),
    "low is text": fitted(0, {"low": "1", "high": 2.0}),
    "low is a bool": fitted(0, {"low": True, "high": 2.0}),
    "low is nowhere": fitted(0, {"high": 2.0}),
    "more than low": fitted(0, {"low": 0.0, "high": 2.0, "more": 1}),
    "infinite": fitted(0, {"low": 0.0, "high": float("inf")}),
    "nothing learned": fitted(1, {}),
    "another step's": fitted(1, {"low": 0.0, "high": 1.0}),
    "boundaries fall": fitted(2, {"boundaries": [2.0, 1.0]}),
    "boundaries repeat": fitted(2, {"boundaries": [1.0, 1.0]}),
    "boundaries are a number": fitted(2, {"boundaries": 1.0}),
    "boundaries of lists": fitted(2, {"boundaries": [[1.0]]}),
    "not a dict": fitted(2, [1.0]),
    "one less": lambda s, a: s["numbers"].pop(),
    "one twice": lambda s, a: s["numbers"].__setitem__(0, s["numbers"][1]),
    "another column": lambda s, a: s["numbers"].__setitem__(0, ["city", "city", {}]),
    "a key that cannot be one": lambda s, a: s["numbers"].__setitem__(0, [["low"], "age", {}]),
    "numbers are text": lambda s, a: s.update(numbers="abc"),
}


def state() -> tuple[Settings, Arrays]:
    settings, arrays = fit(SCHEMA, COLUMNS).state()
    return {**settings, "numbers": [list(each) for each in settings["numbers"]]}, arrays


def test_what_was_learned_comes_back() -> None:
    settings, arrays = state()
    again = Encoder.from_state(settings, arrays)
    assert again.fingerprint() == fit(SCHEMA, COLUMNS).fingerprint()
    assert again.array_names == set(arrays)


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_refused(case: str) -> None:
    settings, arrays = state()
    DAMAGE[case](settings, arrays)
    with pytest.raises(ModelFileError, match="the encoder in the file is incomplete"):
        Encoder.from_state(settings, arrays)
