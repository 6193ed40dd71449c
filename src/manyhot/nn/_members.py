"""Bags looked up one by one, so that heads can see what happens inside a field. B examples, F fields, D latent size.

The kernels take one field of B*F bags instead of F fields of B: their bi is then that of each bag alone. A pair that a
head wants by itself is one more bag, of this pair with the weight 1. So there is still one gather of each row, and in
the backward pass one sum of its gradients and one update.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from manyhot.kernels import Batch, Int32s, Jagged, RowPlan

from ._outputs import Members, TableOutputs

__all__ = ["by_bag"]


def by_bag(
    look_up: Callable[[Batch], tuple[Tensor, Tensor, Tensor]],
    batch: Batch,
    member_fields: tuple[int, ...],
    field_pairs: bool,
    plan_rows: Callable[[Jagged], RowPlan],
) -> TableOutputs:
    """look_up: linear (B', 1), pooled (B', 1, D), bi (B', D) of a batch of one field."""
    jagged, num_examples, num_fields = batch.jagged, batch.jagged.num_examples, batch.jagged.num_fields
    starts, lengths = jagged.offsets[:-1].reshape(-1, num_fields), np.diff(jagged.offsets).reshape(-1, num_fields)
    places = [_places(starts[:, f], lengths[:, f]) for f in member_fields]
    alone = np.concatenate([np.zeros(0, np.int64), *places])
    weights = jagged.weights
    extended = Jagged(
        np.concatenate([jagged.ids, jagged.ids[alone]]),
        None if weights is None else np.concatenate([weights, np.ones(len(alone), np.float32)]),
        np.concatenate([jagged.offsets, jagged.offsets[-1] + np.arange(1, len(alone) + 1, dtype=np.int32)]),
        num_fields=1,
    )
    # Without pairs of their own the bags are the batch's, and so is its plan.
    plan = batch.plan if batch.plan is None or not len(alone) else plan_rows(extended)
    linear, pooled, bi = look_up(dataclasses.replace(batch, jagged=extended, plan=plan))
    num_bags, dim = num_examples * num_fields, pooled.shape[2]
    pooled_BFD = pooled[:num_bags].view(num_examples, num_fields, dim)
    within_BFD = bi[:num_bags].view(num_examples, num_fields, dim)
    between_BD = (pooled_BFD.sum(1).square() - pooled_BFD.square().sum(1)) / 2
    members, first = {}, num_bags
    for f, place in zip(member_fields, places, strict=True):
        x = torch.ones(len(place)) if weights is None else torch.from_numpy(weights[place])
        examples = torch.from_numpy(np.repeat(np.arange(num_examples), lengths[:, f]))
        members[f] = Members(pooled[first : first + len(place), 0], x, examples)
        first += len(place)
    return TableOutputs(
        linear[:num_bags].view(num_examples, num_fields),
        pooled_BFD,
        between_BD if field_pairs else between_BD + within_BFD.sum(1),
        within_BFD,
        members,
    )


def _places(starts: Int32s, lengths: Int32s) -> npt.NDArray[np.int64]:
    """Where the pairs of some bags lie, bag by bag; int64."""
    first = np.cumsum(lengths) - lengths
    places: npt.NDArray[np.int64] = np.arange(lengths.sum()) + np.repeat(starts - first, lengths)
    return places
