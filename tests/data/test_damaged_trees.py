"""Trees out of a file are followed only where they are trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from manyhot.data.trees import forest_from_arrays
from manyhot.errors import ModelFileError
from manyhot.schema import GBDT

Arrays = dict[str, Any]
OPTIONS = GBDT(columns=["a", "b"], categories=["c"], tokens=2, trees=2, leaves=4, depth=2)


def whole() -> Arrays:
    """A tree of three nodes, whose root has two children, and one of a single node."""
    return {
        "starts": np.array([0, 3, 4]),
        "feature": np.array([0, 1, 2, 0], np.int32),
        "threshold": np.array([0.5, 1.5, 0.5, -np.inf]),
        "nan_left": np.array([0, 1, 0, 1], np.uint8),
        "left": np.array([1, -1, -3, -2], np.int32),
        "right": np.array([2, -2, -4, -1], np.int32),
        "token_columns": np.array([0], np.int32),
        "token_hashes": np.array([7], np.uint64),
    }


def read(arrays: Arrays, options: GBDT = OPTIONS) -> Any:
    return forest_from_arrays({f"t.{name}": array for name, array in arrays.items()}, "t", options)


def test_whole_trees_are_read() -> None:
    forest = read(whole())
    inputs = np.array([[0.0, 1.5, 0], [0.5, 2.0, 1], [np.nan, np.nan, 1], [np.nan, np.nan, 0], [0.0, np.nan, 0]])
    assert forest.leaves(inputs).tolist() == [[0, 0], [1, 0], [3, 1], [2, 1], [0, 0]]
    none = {name: array[:0] for name, array in whole().items()}
    assert read({**none, "starts": np.zeros(1, np.int64)}).num_trees == 0


def put(name: str, index: int, value: Any) -> Callable[[Arrays], Arrays]:
    def change(arrays: Arrays) -> Arrays:
        arrays[name][index] = value
        return arrays

    return change


DAMAGE: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "no array": (lambda a: {k: v for k, v in a.items() if k != "left"}, "t.left must be a vector of int32"),
    "type": (lambda a: {**a, "threshold": a["threshold"].astype(np.float32)}, "t.threshold must be .* float64"),
    "shape": (lambda a: {**a, "starts": a["starts"][None]}, "t.starts must be a vector"),
    "lengths": (lambda a: {**a, "right": a["right"][:-1]}, "differ in length"),
    "start": (put("starts", 0, 1), "do not cut"),
    "falling starts": (put("starts", 1, 5), "do not cut"),
    "end": (put("starts", 2, 3), "do not cut"),
    "no starts": (lambda a: {**a, "starts": a["starts"][:0]}, "do not cut"),
    "trees": (lambda a: {**a, "starts": np.array([0, 3, 3, 4])}, "do not cut"),
    "leaves": (lambda a: {**a, "starts": np.array([0, 4])}, "more than 4 leaves"),
    "tokens": (lambda a: {**a, "token_hashes": np.zeros(2, np.uint64)}, "differ in number"),
    "token's column": (put("token_columns", 0, 1), "belongs to no column"),
    "negative column": (put("token_columns", 0, -1), "belongs to no column"),
    "input": (put("feature", 3, 3), "input that is not there"),
    "negative input": (put("feature", 3, -1), "input that is not there"),
    "threshold": (put("threshold", 2, np.nan), "NaN"),
    "nan_left": (put("nan_left", 2, 2), "neither 0 nor 1"),
    "child beyond": (put("right", 0, 3), "a child is not there"),
    "leaf beyond": (put("right", 2, -5), "a child is not there"),
    "least number": (put("right", 2, -(2**31)), "a child is not there"),
    "cycle": (put("right", 2, 1), "before its parent"),
    "itself": (put("left", 0, 0), "before its parent"),
    "two parents": (put("right", 0, 1), "not one parent"),
    "leaf twice": (put("left", 1, -2), "not one parent"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_trees_are_refused(name: str) -> None:
    change, sentence = DAMAGE[name]
    with pytest.raises(ModelFileError, match=sentence):
        read(change(whole()))


def test_trees_deeper_than_the_options_are_refused() -> None:
    with pytest.raises(ModelFileError, match="below 1 splits"):
        read(whole(), GBDT(columns=["a", "b"], categories=["c"], tokens=2, trees=2, leaves=4, depth=1))
