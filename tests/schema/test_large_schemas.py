"""Schemas of thousands of names take a time that grows with their length, and no faster: one may come from anybody."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from manyhot.data import Encoder
from manyhot.errors import ConfigError
from manyhot.schema import GBDT, Field, Reading, Schema, Vocabulary

NAMES = tuple(f"c{i:05d}" for i in range(20_000))
BOUNDARIES = f"bucket({', '.join(f'{i / 3:.17g}' for i in range(10_000))})"


def seconds(task: Callable[[], object]) -> float:
    started = time.process_time()
    task()
    return time.process_time() - started


@pytest.mark.parametrize(
    "text", ["a(" + " " * 100_000, " " * 100_000 + "(", "clip(" + " " * 100_000 + "x", "a" * 10**6]
)
def test_a_long_transform_that_is_none_is_told_at_once(text: str) -> None:
    def refused() -> None:
        with pytest.raises(ConfigError) as caught:
            Field("age", numeric=[text])
        assert len(str(caught.value)) < 1000

    assert seconds(refused) < 0.1


def test_letters_of_a_transform_are_bounded_and_many_boundaries_are_not_too_many() -> None:
    assert len(Field("age", numeric=[BOUNDARIES]).steps("age")[0].arguments) == 10_000
    with pytest.raises(ConfigError, match=r"has 300,008 letters; a transform has at most 262,144"):
        Field("age", numeric=["bucket(" + "1" * 300_000 + ")"])


def test_a_transform_of_many_columns_is_read_once() -> None:
    texts = {name: ["".join(BOUNDARIES)] for name in NAMES[:100]}
    assert seconds(lambda: Field("age", columns=NAMES[:100], numeric=texts).effective_combiner) < 0.3


@pytest.mark.parametrize(
    "make",
    [
        lambda names: Schema(labels=names, fields=[Field("a")]),
        lambda names: GBDT(columns=names),
        lambda names: Field("a", columns=names),
        lambda names: Reading(format="csv", columns=names),
    ],
)
def test_names_that_come_twice_are_found_at_once(make: Callable[[tuple[str, ...]], object]) -> None:
    def refused() -> None:
        with pytest.raises(ConfigError, match=r'"c19999" (is named )?twice'):
            make((*NAMES, NAMES[-1]))

    assert seconds(lambda: make(NAMES)) < 0.1
    assert seconds(refused) < 0.1


@pytest.mark.parametrize("shared", [True, False])
def test_columns_of_a_schema_are_gathered_once(shared: bool) -> None:
    """Of fields that share a vocabulary, and of fields that have one each."""
    fields = [Field(name, Vocabulary("v" if shared else name, hash_buckets=3)) for name in NAMES[:4000]]
    schema = Schema(label="y", fields=fields)
    tensors = {}
    for v in schema.vocabularies:
        tensors[f"vocabulary.{v.name}.tokens"] = np.zeros(0, np.uint8)
        tensors[f"vocabulary.{v.name}.offsets"] = np.zeros(1, np.int64)
    state = {"schema": schema.to_dict(), "numbers": []}
    assert seconds(lambda: Encoder.from_state(state, tensors)) < 2  # where each field asks all of them it is 8
    assert schema.columns_of("v" if shared else "c00003") == (NAMES[:4000] if shared else ("c00003",))
    assert schema.columns_of("none") == ()


def test_leaves_that_share_a_vocabulary_are_still_refused() -> None:
    leaves = Field("leaves", gbdt=GBDT(columns=("a",)))
    with pytest.raises(ConfigError, match="have a vocabulary of their own"):
        Schema(label="y", fields=[leaves, Field("b", Vocabulary("leaves", identity=leaves.gbdt.num_leaves))])
