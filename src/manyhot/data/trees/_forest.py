"""Forest: trees as plain arrays, and the leaves that rows end in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from manyhot.kernels import Int32s

__all__ = ["Forest"]

_BLOCK = 8192  # rows that are walked at once, so that what they need stays in the cache


@dataclass(frozen=True)
class Forest:
    """T trees over C inputs. Tree t has the nodes starts[t]..starts[t+1], its root first, and one leaf more than that.

    starts int64 [T+1]. Of each node: feature int32, threshold float64, nan_left bool, left and right int32. A row goes
    left where its input `feature` is at or below the threshold, and with NaN where nan_left says so. A child from 0 is
    a node of the same tree, counted from its root; one below 0 is the leaf -1 - child.

    Inputs are the numbers of `num_numbers` columns, and then 0 or 1: whether a row's token in column token_columns[i]
    int32 hashes to token_hashes[i] uint64.
    """

    num_numbers: int
    token_columns: Int32s
    token_hashes: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    feature: Int32s
    threshold: npt.NDArray[np.float64]
    nan_left: npt.NDArray[np.bool_]
    left: Int32s
    right: Int32s

    @property
    def num_trees(self) -> int:
        """T."""
        return len(self.starts) - 1

    @property
    def num_inputs(self) -> int:
        """C."""
        return self.num_numbers + len(self.token_columns)

    def inputs(self, numbers: npt.NDArray[np.float64], tokens: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
        """float64 [rows, C] from numbers float64 [rows, num_numbers], NaN where missing, and hashes of tokens uint64
        [rows, columns], 0 where missing."""
        found = tokens[:, self.token_columns] == self.token_hashes
        return np.concatenate([numbers, found.astype(np.float64)], axis=1)

    def leaves(self, inputs: npt.NDArray[np.float64]) -> Int32s:
        """int32 [rows, T]: the leaf of each row in each tree."""
        leaves = np.empty((len(inputs), self.num_trees), np.int32)
        for first in range(0, len(inputs), _BLOCK):
            part = slice(first, first + _BLOCK)
            ranks = self._ranks(inputs[part])
            for number, walk in enumerate(self._walks):
                leaves[part, number] = walk.leaves(ranks)
        return leaves

    def _ranks(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.unsignedinteger]:
        """[rows, C]: 1 + how many of the input's thresholds are below a number, 0 for NaN."""
        ranks = np.empty(inputs.shape, self._rank_type)
        for column, thresholds in enumerate(self._thresholds):
            values = inputs[:, column]
            found = np.searchsorted(thresholds, values) + 1
            found[np.isnan(values)] = 0
            ranks[:, column] = found
        return ranks

    @cached_property
    def _thresholds(self) -> list[npt.NDArray[np.float64]]:
        """Of each input those that nodes compare it with, rising."""
        return [np.unique(self.threshold[self.feature == column]) for column in range(self.num_inputs)]

    @property
    def _rank_type(self) -> type[np.unsignedinteger]:
        return np.uint16 if max(map(len, self._thresholds), default=0) < 2**16 - 2 else np.uint32

    @cached_property
    def _walks(self) -> list[_Walk]:
        place = np.empty(len(self.feature), np.int64)
        for column, thresholds in enumerate(self._thresholds):
            own = self.feature == column
            place[own] = np.searchsorted(thresholds, self.threshold[own])
        # A number is at or below its node's threshold where rank <= place + 1, and NaN, whose rank is 0, goes left
        # with them. Where it is to go right, 1 is subtracted on both sides: unsigned, its rank is then the highest.
        shift = (~self.nan_left).astype(self._rank_type)
        most = (place + 1 - shift).astype(self._rank_type)
        edges = zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        return [
            _Walk.of(self.feature[a:b], shift[a:b], most[a:b], self.left[a:b], self.right[a:b], self.num_inputs)
            for a, b in edges
        ]


@dataclass(frozen=True)
class _Walk:
    """One tree of n nodes: states 0..n-1 are its nodes and n.. its leaves, which lead to themselves. next [2 * states]:
    the state after going left, and after going right, of each."""

    num_nodes: int
    depth: int
    feature: npt.NDArray[np.intp]
    shift: npt.NDArray[np.unsignedinteger]
    most: npt.NDArray[np.unsignedinteger]
    next: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls,
        feature: Int32s,
        shift: npt.NDArray[np.unsignedinteger],
        most: npt.NDArray[np.unsignedinteger],
        left: Int32s,
        right: Int32s,
        num_inputs: int,
    ) -> _Walk:
        nodes = len(feature)
        children = np.stack([left, right], axis=1).astype(np.intp)
        children = np.where(children < 0, nodes - 1 - children, children)
        leaves = np.repeat(np.arange(nodes, 2 * nodes + 1), 2)
        level = np.zeros(nodes + 1, np.int64)
        for node in range(nodes):  # children come after their parents
            for child in children[node]:
                level[min(child, nodes)] = max(level[min(child, nodes)], level[node] + 1)
        padded = np.zeros(nodes + 1, np.int64)
        return cls(
            num_nodes=nodes,
            depth=int(level[nodes]),
            feature=np.append(feature, padded).astype(np.intp),
            shift=np.append(shift, padded).astype(shift.dtype),
            most=np.append(most, padded).astype(most.dtype),
            next=np.append(children.ravel(), leaves).astype(np.intp),
        )

    def leaves(self, ranks: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.intp]:
        """[rows] of ranks [rows, C]."""
        flat, rows = ranks.ravel(), np.arange(len(ranks)) * ranks.shape[1]
        state = np.zeros(len(ranks), np.intp)
        for _ in range(self.depth):
            rank = flat.take(rows + self.feature.take(state))
            rank -= self.shift.take(state)
            goes_right = rank > self.most.take(state)
            state += state
            state += goes_right
            state = self.next.take(state)
        return state - self.num_nodes
