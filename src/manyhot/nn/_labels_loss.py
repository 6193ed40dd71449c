"""The loss of several labels: the sum of theirs. B examples, T labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from manyhot.kernels import Batch

from ._loss import batch_loss

__all__ = ["labels_loss"]


def labels_loss(
    logits: Tensor,
    batch: Batch,
    label_weights: Sequence[float],
    loss: Callable[[Tensor, Batch], Tensor] = batch_loss,
) -> Tensor:
    """sum_t label_weights[t] * loss of label t, from logits (B, T); label_weights: T of them.

    The loss of a label is taken over the rows where it is there (its label is not NaN, and the example weight is above
    0); a label that is nowhere adds nothing.
    """
    total = logits[:0].sum()  # 0, and its gradient too
    for t, label_weight in enumerate(label_weights):
        rows = _rows_of(batch, t)
        if label_weight and len(rows):
            total = total + label_weight * loss(logits[torch.from_numpy(rows), t], _only(batch, t, rows))
    return total


def _rows_of(batch: Batch, t: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Numbers, int64, of the examples that say something of label t."""
    there = ~np.isnan(batch.labels[:, t])
    if batch.example_weights is not None:
        there &= batch.example_weights > 0
    return np.flatnonzero(there)


def _only(batch: Batch, t: int, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Batch:
    """What a loss reads of these examples, with label t alone."""
    weights, groups = batch.example_weights, batch.groups
    return replace(
        batch,
        labels=batch.labels[rows, t],
        example_weights=None if weights is None else weights[rows],
        groups=None if groups is None else groups[rows],
    )
