"""What of a head's parameters changes place when the fields do: for each head a function of its state.

Each takes the state (changed in place), the tables' rows [V, D+1] (likewise) and the order: the new field k is the old
field order[k]. Heads that are not here have no such test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

__all__ = ["REORDER"]

State = dict[str, Tensor]
Order = tuple[int, ...]


def _nothing(state: State, rows: np.ndarray, order: Order) -> None:
    """No parameter belongs to a field."""


def _linear(state: State, rows: np.ndarray, order: Order) -> None:
    state["coefficients"] = state["coefficients"][list(order)]


def _deep(state: State, rows: np.ndarray, order: Order) -> None:
    state["mlp.0.weight"] = _blocks(state["mlp.0.weight"], order)


def _multi_view(state: State, rows: np.ndarray, order: Order) -> None:
    state["biases"] = state["biases"][list(order)]


def _field_weighted_fm(state: State, rows: np.ndarray, order: Order) -> None:
    state["between"] = state["between"][_old_pairs(order)]
    if "within" in state:
        state["within"] = state["within"][list(order)]


def _field_aware_fm(state: State, rows: np.ndarray, order: Order) -> None:
    rows[:, :-1] = _blocks(torch.from_numpy(rows[:, :-1].copy()), order).numpy()


def _product(state: State, rows: np.ndarray, order: Order) -> None:
    pairs, first = _old_pairs(order), state["mlp.0.weight"]
    num_pooled = len(order) * (rows.shape[1] - 1)
    kinds = first[:, num_pooled:].split(len(pairs), 1)
    state["mlp.0.weight"] = torch.cat([_blocks(first[:, :num_pooled], order), *(kind[:, pairs] for kind in kinds)], 1)
    if "kernels" in state:
        turned = torch.tensor([order[f] > order[g] for f, g in _pairs(len(order))])[:, None, None]
        kernels = state["kernels"][pairs]
        state["kernels"] = torch.where(turned, kernels.transpose(1, 2), kernels)


def _blocks(columns: Tensor, order: Order) -> Tensor:
    """(H, F * width) with the fields' blocks in the new order."""
    return columns.view(len(columns), len(order), -1)[:, list(order)].flatten(1)


def _pairs(num_fields: int) -> list[tuple[int, int]]:
    return [(f, g) for f in range(num_fields) for g in range(f + 1, num_fields)]


def _old_pairs(order: Order) -> list[int]:
    """For each new pair of fields the number of the old one."""
    pairs = _pairs(len(order))
    return [pairs.index((min(order[f], order[g]), max(order[f], order[g]))) for f, g in pairs]


REORDER: dict[str, Callable[[State, np.ndarray, Order], None]] = {
    "linear": _linear,
    "fm": _nothing,
    "deep": _deep,
    "field_weighted_fm": _field_weighted_fm,
    "field_aware_fm": _field_aware_fm,
    "bi_deep": _nothing,
    "linear_deep": _deep,
    "product": _product,
    "attention_fm": _nothing,
    "multi_view": _multi_view,
}
