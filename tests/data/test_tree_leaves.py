"""Leaves of boosted trees as features: LightGBM says which leaf a row ends in, and the data alone says which trees."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from row_lists import assert_same_chunks, encode, fit, in_pieces, rows_of, schema_of

from manyhot.data import Encoder, open_source
from manyhot.data.trees import Forest, forest_arrays, forest_from_arrays
from manyhot.data.trees._grow import boosted, most_frequent, taken_out
from manyhot.errors import BadRowsError, ConfigError, DataError
from manyhot.schema import GBDT, Field, Schema, Vocabulary

Floats = npt.NDArray[np.float64]


def bare(num_inputs: int) -> Forest:
    none: Any = np.zeros(0, np.int32)
    return Forest(num_inputs, none, none.astype(np.uint64), np.zeros(1, np.int64), *[none] * 5)


def noisy(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Numbers of many kinds, a third of the first half missing; labels that depend on them and on what is missing."""
    kinds = [rng.integers(-3, 9, size), rng.lognormal(3, 2, size), rng.normal(size=size), rng.random(size) < 0.3]
    inputs = np.stack([*kinds, rng.integers(0, 2, size) * 1e30, rng.integers(-2, 3, size)], axis=1).astype(float)
    inputs[:, :3][rng.random((size, 3)) < 0.3] = np.nan
    score = np.nan_to_num(inputs[:, 0]) + 3 * inputs[:, 3] - 4 * np.isnan(inputs[:, 1]) + inputs[:, 5]
    return inputs, (score + rng.normal(size=size) > 1).astype(float)


@pytest.mark.parametrize(("seed", "depth", "leaves"), [(1, 7, 128), (2, 3, 5), (3, 12, 60)])
def test_leaves_are_those_that_lightgbm_says(seed: int, depth: int, leaves: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, labels = noisy(rng, 3000)
    gbdt = GBDT(columns=[f"n{i}" for i in range(6)], trees=8, depth=depth, leaves=leaves, min_rows=5, learning_rate=0.3)
    booster = boosted(gbdt, inputs, labels, rng.integers(1, 3, len(inputs)))
    forest = taken_out(booster, bare(6))
    forest = forest_from_arrays(forest_arrays(forest, "t"), "t", gbdt)
    assert forest.num_trees == 8 and max(np.diff(forest.starts)) > 2
    others, _ = noisy(rng, 500)
    # Numbers at the thresholds and next to them, in inputs that were missing in training and in those that were not.
    edges = np.concatenate([np.nextafter(forest.threshold, way) for way in (-np.inf, np.inf)] + [forest.threshold])
    near = np.where(rng.random((4000, 6)) < 0.1, np.nan, rng.choice(edges, (4000, 6)))
    near[np.abs(near) <= 1.0001e-35] = 0  # as `read_inputs` does
    for rows in (inputs, others, near, np.full((1, 6), np.nan), np.zeros((1, 6)), np.zeros((0, 6))):
        expected = booster.predict(rows, pred_leaf=True) if len(rows) else np.zeros((0, 8))
        np.testing.assert_array_equal(forest.leaves(rows), expected)


def walked(forest: Forest, tree: int, row: Sequence[float]) -> int:
    """The definition: from the root to a leaf."""
    first, node = int(forest.starts[tree]), 0
    if forest.starts[tree + 1] == first:
        return 0
    while True:
        at = first + node
        value = row[forest.feature[at]]
        left = forest.nan_left[at] if np.isnan(value) else value <= forest.threshold[at]
        node = int(forest.left[at] if left else forest.right[at])
        if node < 0:
            return -1 - node


def random_forest(rng: np.random.Generator, sizes: Sequence[int], num_inputs: int) -> Forest:
    """Trees of so many nodes, in which each node splits some leaf that is there."""
    left, right = [], []
    for size in sizes:
        own = np.full((size, 2), 0)
        open_ends: list[tuple[int, int]] = []
        for node in range(size):
            if node:
                own[open_ends.pop(int(rng.integers(len(open_ends)))) if size < 99 else open_ends.pop(0)] = node
            open_ends += [(node, 0), (node, 1)]
        for leaf, end in enumerate(open_ends):
            own[end] = -1 - leaf
        left.append(own[:, 0])
        right.append(own[:, 1])
    nodes = sum(sizes)
    return Forest(
        num_inputs,
        np.zeros(0, np.int32),
        np.zeros(0, np.uint64),
        np.cumsum([0, *sizes]),
        rng.integers(0, num_inputs, nodes).astype(np.int32),
        rng.choice(np.linspace(-1, 1, 11), nodes) if nodes < 999 else rng.permutation(nodes) / nodes,
        rng.random(nodes) < 0.5,
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
    )


@pytest.mark.parametrize(("sizes", "num_inputs"), [([1, 5, 0, 20, 9], 3), ([4095] * 17, 1)])
def test_any_trees_are_walked_from_the_root_to_a_leaf(sizes: list[int], num_inputs: int) -> None:
    """The second has more thresholds of one input than 16 bits can number."""
    rng = np.random.default_rng(5)
    forest = random_forest(rng, sizes, num_inputs)
    rows = np.where(
        rng.random((200, num_inputs)) < 0.2, np.nan, rng.choice([*forest.threshold, 0.01], (200, num_inputs))
    )
    expected = [[walked(forest, tree, row) for tree in range(forest.num_trees)] for row in rows]
    np.testing.assert_array_equal(forest.leaves(rows), expected)
    gbdt = GBDT(columns=[f"n{i}" for i in range(num_inputs)], leaves=4096, depth=32)
    again = forest_from_arrays(forest_arrays(forest, "t"), "t", gbdt)
    np.testing.assert_array_equal(again.leaves(rows), expected)


def clicks(size: int, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    inputs, labels = noisy(rng, size)
    city = rng.choice(["a", "b", "c", "", "rare"], size, p=[0.4, 0.3, 0.1, 0.15, 0.05])
    columns: dict[str, Any] = {f"n{i}": pa.array(inputs[:, i], from_pandas=True) for i in range(3)}
    labels = np.where(rng.random(size) < 0.3, city == "a", labels)
    return pa.table({**columns, "city": city, "y": labels})


LEAVES = GBDT(columns=["n0", "n1", "n2"], categories=["city"], tokens=3, trees=5, leaves=8, min_rows=5)


def leaves_schema(gbdt: GBDT = LEAVES) -> Schema:
    return schema_of(Field("city"), Field("leaves", gbdt=gbdt), Field("n0", numeric=["log2_bucket"]))


def test_a_bag_holds_the_leaf_of_each_tree() -> None:
    table, schema = clicks(600), leaves_schema()
    encoder = fit(schema, table)
    assert encoder.vocabularies["leaves"].size == 1 + 5 * 8
    numbers = np.stack([table[f"n{i}"].to_numpy() for i in range(3)], axis=1)
    city = np.array(table["city"].to_pylist())
    found = np.stack([city == "a", city == "b", city == "c"], axis=1)  # by how often they occur; "" is missing
    inputs = np.concatenate([numbers, found], axis=1)
    # The sample is all rows: the same trees as LightGBM grows on them in the order of their hashes.
    leaf = {name: array for name, array in encoder.state()[1].items() if name.startswith("trees.leaves.")}
    forest = forest_from_arrays(leaf, "trees.leaves", LEAVES)
    used = set(forest.feature.tolist())
    assert used & {0, 1, 2} and used & {3, 4, 5}
    expected = forest.leaves(inputs)
    bags = [row[1] for row in rows_of(encode(encoder, table), 3)]
    assert bags == [[(1 + 8 * tree + leaf, 1.0) for tree, leaf in enumerate(row)] for row in expected.tolist()]
    rates = [table["y"].to_numpy()[expected[:, 0] == leaf].mean() for leaf in set(expected[:, 0].tolist())]
    assert max(rates) - min(rates) > 0.3  # the labels made the trees


def test_the_rows_alone_make_the_trees() -> None:
    table, rng = clicks(2000), np.random.default_rng(3)
    shuffled = in_pieces(table.take(rng.permutation(len(table))), [3, 400, 401, 1500])
    for gbdt in (LEAVES, GBDT(columns=["n0", "n2"], trees=3, sample_rows=300)):
        schema = leaves_schema(gbdt)
        expected = Encoder.fit(schema, open_source(table), num_threads=1)
        found = Encoder.fit(schema, open_source(shuffled), num_threads=3)
        assert found.fingerprint() == expected.fingerprint()
        assert_same_chunks(encode(found, table), encode(expected, table))
    other = fit(leaves_schema(GBDT(columns=["n0", "n2"], trees=3, sample_rows=300, seed=2)), table)
    assert other.fingerprint() != expected.fingerprint()


def test_the_most_frequent_tokens_become_inputs() -> None:
    tokens = np.array([[5, 9], [5, 0], [7, 9], [8, 4]], np.uint64)
    columns, hashes = most_frequent(tokens, np.array([1, 2, 3, 3]), 3)
    # (column 1, 9) is seen 4 times; (0, 5), (0, 7), (0, 8) and (1, 4) 3 times
    assert list(zip(columns.tolist(), hashes.tolist(), strict=True)) == [(1, 9), (0, 5), (0, 7)]
    assert columns.dtype == np.int32 and len(most_frequent(tokens[:, :0], np.ones(4, np.int64), 3)[0]) == 0


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_labels_of_one_class_grow_no_tree(labels: list[int]) -> None:
    table = pa.table({"n0": [1.0, None, 3.0], "y": labels})
    schema = schema_of(Field("leaves", gbdt=GBDT(columns=["n0"])))
    assert rows_of(encode(fit(schema, table), table), 1) == [[[]]] * 3


def test_constant_columns_grow_trees_of_one_leaf() -> None:
    table = pa.table({"n0": [1.0] * 40, "y": [0, 1] * 20})
    schema = schema_of(Field("leaves", gbdt=GBDT(columns=["n0"], trees=4)))
    bags = {tuple(row[0]) for row in rows_of(encode(fit(schema, table), table), 1)}
    assert bags <= {((1, 1.0),), ()}, "nothing tells the rows apart"


def test_bad_numbers_make_bad_rows_and_wrong_types_are_refused() -> None:
    schema = schema_of(Field("leaves", gbdt=GBDT(columns=["n0"], categories=["c"])))
    with pytest.raises(BadRowsError, match='column "n0" is not a number'):
        fit(schema, {"n0": ["1", "x"], "c": ["a", "b"], "y": [0, 1]})
    with pytest.raises(DataError, match=r'column "c" is list<.*>, but a category of gbdt must be one text'):
        fit(schema, {"n0": [1, 2], "c": [["a"], []], "y": [0, 1]})


def test_only_the_fit_needs_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    table, schema = clicks(300), leaves_schema()
    encoder = fit(schema, table)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    again = Encoder.from_state(*encoder.state())
    assert_same_chunks(encode(again, table), encode(encoder, table))
    with pytest.raises(ConfigError, match=r'gbdt: LightGBM cannot be imported .*pip install "manyhot\[gbdt\]"'):
        fit(schema, table)
    fit(schema_of(Field("city", Vocabulary("city"))), table)


def test_a_row_seen_twice_counts_twice() -> None:
    """Rows of weight 2 are grown on as two rows: the first split's sides have as many of each label."""
    table = clicks(400)
    twice = pa.concat_tables([table, table.slice(0, 250)])
    schema = schema_of(Field("leaves", gbdt=GBDT(columns=["n0", "n1", "n2"], trees=1, leaves=2, min_rows=1)))
    for rows in (table, twice):
        values, labels = [rows[f"n{i}"].to_numpy() for i in range(3)], rows["y"].to_numpy()
        forest = Encoder.fit(schema, open_source(rows)).state()[1]
        (feature,), (threshold,) = (forest[f"trees.leaves.{name}"] for name in ("feature", "threshold"))
        (nan_left,) = forest["trees.leaves.nan_left"]
        best = max(
            (gain(np.where(np.isnan(v), side, v <= at), labels), f, side)
            for f, v in enumerate(values)
            for at in np.unique(v[~np.isnan(v)])
            for side in (False, True)
        )
        column = values[feature]
        chosen = gain(np.where(np.isnan(column), bool(nan_left), column <= threshold), labels)
        assert chosen == pytest.approx(best[0], rel=1e-6)


def gain(left: npt.NDArray[np.bool_], labels: Floats) -> float:
    """Of a first split, by gradients and hessians at the mean rate (LightGBM without regularisation)."""
    rate = labels.mean()
    sides = [(np.sum(rate - labels[side]), side.sum() * rate * (1 - rate)) for side in (left, ~left)]
    return sum(g * g / h for g, h in sides if h > 0)
