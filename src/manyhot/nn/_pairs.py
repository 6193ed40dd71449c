"""The pairwise loss within groups (BPR). B examples, P pairs.

A pair is a positive and a negative of one group in one batch; examples without a group (0) and of weight 0 are in none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import softplus

from manyhot.kernels import Batch

__all__ = ["has_pairs", "pair_loss"]

Rows = npt.NDArray[np.int64]

_PAIRS_AT_A_TIME = 1 << 20  # so that a batch of one large group needs no memory for B^2 / 4 pairs


def pair_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Mean over all pairs of -log sigmoid(positive's logit - negative's), logits float32 (B,); Rendle et al. 2009,
    "BPR: Bayesian personalized ranking from implicit feedback", section 4.1.2.

    With example weights each pair counts by the product of its two. 0 where there is no pair.
    """
    loss: Tensor = _PairLoss.apply(logits, batch)  # type: ignore[no-untyped-call]
    return loss


def has_pairs(batch: Batch) -> bool:
    """Whether the batch holds any pair, of several labels a pair of any."""
    of_labels = batch.labels.reshape(len(batch.labels), -1).T
    return any(len(_Sides.of(dataclasses.replace(batch, labels=labels)).positives) for labels in of_labels)


class _Sides(NamedTuple):
    """positives: rows that are in a pair; negatives: rows, group by group, a group's from first[i] to first[i] +
    counts[i] where i is one of its positives."""

    positives: Rows
    negatives: Rows
    first: Rows
    counts: Rows

    @classmethod
    def of(cls, batch: Batch) -> _Sides:
        assert batch.groups is not None
        judged = batch.groups != 0
        if batch.example_weights is not None:
            judged &= batch.example_weights > 0
        positives, negatives = (np.flatnonzero(judged & (batch.labels == y)) for y in (1, 0))
        negatives = negatives[np.argsort(batch.groups[negatives], kind="stable")]
        sorted_groups, asked = batch.groups[negatives], batch.groups[positives]
        first = np.searchsorted(sorted_groups, asked, "left")
        counts = np.searchsorted(sorted_groups, asked, "right") - first
        paired = counts > 0
        return cls(positives[paired], negatives, first[paired], counts[paired])

    def pairs(self) -> Iterator[tuple[Rows, Rows]]:
        """Rows of the positive and of the negative of each pair, [P] in all, some at a time."""
        ends = np.cumsum(self.counts)
        start, done = 0, 0
        while start < len(ends):
            stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_A_TIME, "right")))
            counts = self.counts[start:stop]
            before = ends[start:stop] - counts - done
            places = np.arange(counts.sum()) + np.repeat(self.first[start:stop] - before, counts)
            yield np.repeat(self.positives[start:stop], counts), self.negatives[places]
            start, done = stop, int(ends[stop - 1])


class _PairLoss(torch.autograd.Function):
    """The gradient is made on the way, since the differences are too many to be kept."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, batch: Batch) -> Tensor:
        z, weights = logits.detach(), batch.example_weights
        scaled = None if weights is None else weights / weights.mean(dtype=np.float64)
        loss, total, gradient = 0.0, 0.0, np.zeros(len(z))
        for positives, negatives in _Sides.of(batch).pairs():
            difference = z[torch.from_numpy(positives)] - z[torch.from_numpy(negatives)]
            each, slope = softplus(-difference).double().numpy(), torch.sigmoid(-difference).double().numpy()
            if scaled is not None:
                products = scaled[positives] * scaled[negatives]
                each, slope = each * products, slope * products
            loss += each.sum()
            total += len(each) if scaled is None else products.sum()
            gradient += np.bincount(negatives, slope, len(z)) - np.bincount(positives, slope, len(z))
        ctx.save_for_backward(torch.from_numpy(gradient / (total or 1.0)).to(logits.dtype))
        return logits.new_tensor(loss / (total or 1.0))

    @staticmethod
    def backward(ctx: Any, by_loss: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return by_loss * gradient, None
