"""Growing trees with LightGBM, and taking them out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.errors import ConfigError
from manyhot.schema import GBDT

from ._forest import Forest
from ._row_sample import RowSample

__all__ = ["boosted", "grown", "most_frequent", "require_lightgbm", "taken_out"]


def require_lightgbm() -> Any:
    """The module. Raises ConfigError where it cannot be imported."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise ConfigError(
            f'gbdt: LightGBM cannot be imported ({error}); install it: pip install "manyhot[gbdt]"'
        ) from None
    return lightgbm


def grown(gbdt: GBDT, sample: RowSample) -> Forest:
    """The trees for rows as `TreeInputs.rows` writes them. The same rows give the same trees, bit by bit, on one build
    of LightGBM. Without rows of both labels there are no trees. Raises ConfigError without LightGBM."""
    rows, times = sample.drawn()
    numbers = np.ascontiguousarray(rows[:, : len(gbdt.columns)]).view(np.float64)
    tokens, labels = rows[:, len(gbdt.columns) : -1], rows[:, -1].astype(np.float64)
    columns, hashes = most_frequent(tokens, times, gbdt.tokens)
    none = np.zeros(0, np.int32)
    bare = Forest(
        num_numbers=len(gbdt.columns),
        token_columns=columns,
        token_hashes=hashes,
        starts=np.zeros(1, np.int64),
        feature=none,
        threshold=np.zeros(0),
        nan_left=np.zeros(0, np.bool_),
        left=none,
        right=none,
    )
    if not 0 < labels.sum() < len(labels):
        return bare
    return taken_out(boosted(gbdt, bare.inputs(numbers, tokens), labels, times), bare)


def most_frequent(
    tokens: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """Columns and hashes of the `count` tokens that are seen most often, ties by column and hash; tokens uint64 [rows,
    columns], 0 where missing, each row seen `times`."""
    found: list[tuple[int, int, int]] = []
    for column, hashes in enumerate(tokens.T):
        distinct, which = np.unique(hashes, return_inverse=True)
        seen = np.zeros(len(distinct), np.int64)
        np.add.at(seen, which, times)
        seen[distinct == 0] = 0
        best = np.lexsort((distinct, -seen))[:count]
        found += [(-int(seen[i]), column, int(distinct[i])) for i in best if seen[i]]
    found = sorted(found)[:count]
    return np.array([c for _, c, _ in found], np.int32), np.array([h for _, _, h in found], np.uint64)


def boosted(
    gbdt: GBDT,
    inputs: npt.NDArray[np.float64],
    labels: npt.NDArray[np.float64],
    times: npt.NDArray[np.int64],
) -> Any:
    """A LightGBM Booster on inputs float64 [rows, C], labels [rows] in {0, 1}, each row counted `times`."""
    lightgbm = require_lightgbm()
    parameters = {
        "objective": "binary",
        "num_leaves": gbdt.leaves,
        "max_depth": gbdt.depth,
        "learning_rate": gbdt.learning_rate,
        "min_data_in_leaf": gbdt.min_rows,
        "seed": gbdt.seed,
        # One thread, one way of adding up: sums of another order would round otherwise.
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(inputs, labels, weight=None if (times == 1).all() else times, free_raw_data=True)
    return lightgbm.train(parameters, data, num_boost_round=gbdt.trees)


def taken_out(booster: Any, bare: Forest) -> Forest:
    """The trees of a booster as a Forest over the inputs of one without trees."""
    starts, nodes = [0], list[tuple[int, float, bool, int, int]]()
    for tree in booster.dump_model()["tree_info"]:
        nodes += _nodes(tree["tree_structure"])
        starts.append(len(nodes))
    feature, threshold, nan_left, left, right = zip(*nodes, strict=True) if nodes else ((),) * 5
    return Forest(
        num_numbers=bare.num_numbers,
        token_columns=bare.token_columns,
        token_hashes=bare.token_hashes,
        starts=np.array(starts, np.int64),
        feature=np.array(feature, np.int32),
        threshold=np.array(threshold, np.float64),
        nan_left=np.array(nan_left, np.bool_),
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
    )


def _nodes(root: dict[str, Any]) -> list[tuple[int, float, bool, int, int]]:
    """feature, threshold, nan_left, left and right of each node, level by level. None of a tree that is one leaf."""
    waiting = [root] if "split_index" in root else []
    nodes: list[tuple[int, float, bool, int, int]] = []
    for node in waiting:  # grows while it is read
        children = []
        for child in (node["left_child"], node["right_child"]):
            if "split_index" in child:
                children.append(len(waiting))
                waiting.append(child)
            else:
                children.append(-1 - int(child["leaf_index"]))
        threshold = float(node["threshold"])
        # An input that is never missing in training is compared as 0 where it is missing later.
        nan_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0
        nodes.append((int(node["split_feature"]), threshold, bool(nan_left), children[0], children[1]))
    return nodes
