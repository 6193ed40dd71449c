"""The short form of hostile_arrays, and that it notices a wrong answer."""

from __future__ import annotations

import random

import hostile_arrays
import hostile_texts
import pytest


def test_damaged_calls_are_refused_or_answered_rightly() -> None:
    figure = hostile_arrays.run(5_000)
    assert figure.startswith("5,000 calls of 14 kinds") and figure.endswith("0 others")


@pytest.mark.parametrize("wrong", [lambda a: [0], lambda a: 1 / 0], ids=["another answer", "another exception"])
def test_what_is_neither_is_an_error(wrong) -> None:
    def hashes(native: bool, a: hostile_texts.Args) -> list[object]:
        return wrong(a) if native else hostile_texts.hashes(native, a)

    draw = random.Random(1)
    case = hostile_texts.cases(draw, 1)[0]
    with pytest.raises(AssertionError, match="hashes with other starts"):
        hostile_arrays.trial(draw, hashes, ("starts",), case, (True, False))
