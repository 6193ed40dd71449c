"""A forest to and from the arrays of a file. A file may come from strangers: nothing in it is followed unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.errors import ModelFileError
from manyhot.kernels import Int32s
from manyhot.schema import GBDT

from ._forest import Forest

__all__ = ["forest_arrays", "forest_from_arrays"]

_NODES = {
    "feature": np.int32,
    "threshold": np.float64,
    "nan_left": np.uint8,
    "left": np.int32,
    "right": np.int32,
}
_OTHERS = {"starts": np.int64, "token_columns": np.int32, "token_hashes": np.uint64}


def forest_arrays(forest: Forest, prefix: str) -> dict[str, npt.NDArray[Any]]:
    """Its arrays, named "<prefix>.starts" and so on."""
    return {f"{prefix}.{name}": getattr(forest, name).astype(kind) for name, kind in {**_NODES, **_OTHERS}.items()}


def forest_from_arrays(arrays: Mapping[str, npt.NDArray[Any]], prefix: str, gbdt: GBDT) -> Forest:
    """The reverse. Raises ModelFileError where the arrays are no trees, or not within what `gbdt` says."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name, kind in {**_NODES, **_OTHERS}.items():
        array = arrays.get(f"{prefix}.{name}")
        if array is None or array.dtype != kind or array.ndim != 1:
            raise ModelFileError(f"{prefix}.{name} must be a vector of {np.dtype(kind)}; the file is damaged")
        found[name] = array
    fault = _fault(found, gbdt)
    if fault is not None:
        raise ModelFileError(f"{prefix}: the trees are damaged: {fault}")
    found["nan_left"] = found["nan_left"].astype(np.bool_)
    return Forest(num_numbers=len(gbdt.columns), **found)


def _fault(found: dict[str, npt.NDArray[Any]], gbdt: GBDT) -> str | None:
    """The first thing that is wrong, in words."""
    starts, nodes = found["starts"], len(found["feature"])
    if any(len(found[name]) != nodes for name in _NODES):
        return "their arrays differ in length"
    if not 1 <= len(starts) <= gbdt.trees + 1 or starts[0] != 0 or starts[-1] != nodes or (np.diff(starts) < 0).any():
        return "the starts of the trees do not cut their nodes"
    if (np.diff(starts) >= gbdt.leaves).any():
        return f"a tree has more than {gbdt.leaves} leaves"
    columns = found["token_columns"]
    if len(columns) != len(found["token_hashes"]) or len(columns) > gbdt.tokens:
        return "their tokens differ in number"
    if _outside(columns, len(gbdt.categories)):
        return "a token belongs to no column"
    if _outside(found["feature"], len(gbdt.columns) + len(columns)):
        return "a node compares an input that is not there"
    if np.isnan(found["threshold"]).any():
        return "a threshold is NaN"
    if (found["nan_left"] > 1).any():
        return "nan_left is neither 0 nor 1"
    for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        fault = _fault_of_tree(found["left"][first:last], found["right"][first:last], gbdt.depth)
        if fault is not None:
            return fault
    return None


def _outside(numbers: Int32s, count: int) -> bool:
    return bool(((numbers < 0) | (numbers >= count)).any())


def _fault_of_tree(left: Int32s, right: Int32s, depth: int) -> str | None:
    """Children come after their parents, and every node but the root and every leaf is the child of one node."""
    nodes = len(left)
    children = np.stack([left, right], axis=1).astype(np.int64)
    if (children >= nodes).any() or (children < -nodes - 1).any():
        return "a child is not there"
    if ((children >= 0) & (children <= np.arange(nodes)[:, None])).any():
        return "a child comes before its parent"
    if nodes and (np.bincount(children.ravel() + nodes + 1, minlength=2 * nodes + 1) != _once_each(nodes)).any():
        return "a node or a leaf has not one parent"
    level = np.zeros(nodes, np.int64)
    for node, pair in enumerate(children.tolist()):
        if level[node] >= depth:
            return f"a leaf lies below {depth} splits"
        for child in pair:
            if child >= 0:
                level[child] = level[node] + 1
    return None


def _once_each(nodes: int) -> npt.NDArray[np.int64]:
    """How often each of the leaves, last to first, and each node is a child."""
    return np.append(np.ones(nodes + 1, np.int64), np.append(0, np.ones(nodes - 1, np.int64)))
