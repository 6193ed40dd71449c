"""Every loss as plain loops over float64 numbers, by docs/semantics.md section 2; and random batches."""

from __future__ import annotations

import math

import numpy as np

from manyhot.kernels import Batch, Jagged
from manyhot.schema import Loss

LOSSES: dict[str, Loss] = {
    "bce": Loss(),
    "smoothed": Loss(label_smoothing=0.1),
    "positive weight": Loss(positive_weight=3.0),
    "positive weight, not calibrated": Loss(positive_weight=0.25, calibrated=False, label_smoothing=0.05),
    "focal": Loss(kind="focal"),
    "focal with alpha": Loss(kind="focal", gamma=0.5, alpha=0.25, label_smoothing=0.2),
    "focal without gamma": Loss(kind="focal", gamma=0.0),
    "bpr": Loss(kind="bpr", bpr_weight=1.0),
    "bpr and bce": Loss(kind="bpr", bpr_weight=0.3),
    "bpr and weighted bce": Loss(kind="bpr", positive_weight=2.0, label_smoothing=0.1),
    "bpr of no weight": Loss(kind="bpr", bpr_weight=0.0),
}


def batch_of(labels: list[int], weights: list[float] | None = None, groups: list[int] | None = None) -> Batch:
    """A batch without pairs of ids: its loss is asked of given logits."""
    size = len(labels)
    return Batch(
        Jagged(np.zeros(0, np.int32), None, np.zeros(size + 1, np.int32), num_fields=1),
        np.array(labels, np.float32),
        None,
        None if weights is None else np.array(weights, np.float32),
        None if groups is None else np.array(groups, np.uint64),
    )


def random_batch(seed: int, size: int = 40, *, weighted: bool = True) -> Batch:
    """Groups of very different sizes, some of one class; rows without a group and rows of weight 0."""
    rng = np.random.default_rng(seed)
    groups = np.minimum(rng.geometric(0.3, size) - 1, 6)
    labels = rng.random(size) < np.where(groups == 2, 0.0, 0.4)
    weights = np.round(rng.uniform(0, 3, size), 1) * (rng.random(size) < 0.9) if weighted else None
    return batch_of(labels.tolist(), None if weights is None else weights.tolist(), groups.tolist())


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def of_example(z: float, y: float, loss: Loss) -> float:
    y = y * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    p = 1 / (1 + math.exp(-z))
    if loss.kind != "focal":
        return loss.positive_weight * y * softplus(-z) + (1 - y) * softplus(z)
    alphas = (1.0, 1.0) if loss.alpha is None else (loss.alpha, 1 - loss.alpha)
    return alphas[0] * y * (1 - p) ** loss.gamma * softplus(-z) + alphas[1] * (1 - y) * p**loss.gamma * softplus(z)


def mean_loss(logits: np.ndarray, batch: Batch, loss: Loss, shift: float) -> float:
    size = len(batch.labels)
    weights = [1.0] * size if batch.example_weights is None else batch.example_weights.tolist()
    labels, z = batch.labels.tolist(), [float(value) for value in logits]
    total = sum(w * of_example(z[i] + shift, labels[i], loss) for i, w in enumerate(weights)) / sum(weights)
    if loss.kind != "bpr":
        return total
    assert batch.groups is not None
    groups = batch.groups.tolist()
    weighted, weight = 0.0, 0.0
    for i in range(size):
        for j in range(size):
            if groups[i] == groups[j] != 0 and labels[i] == 1 and labels[j] == 0:
                weighted += weights[i] * weights[j] * softplus(z[j] - z[i])
                weight += weights[i] * weights[j]
    by_pairs = weighted / weight if weight else 0.0
    return loss.bpr_weight * by_pairs + (1 - loss.bpr_weight) * total


def gradient(logits: np.ndarray, batch: Batch, loss: Loss, shift: float, step: float = 1e-5) -> np.ndarray:
    """By central differences."""
    slopes = []
    for i in range(len(logits)):
        ends = []
        for sign in (1, -1):
            moved = logits.astype(np.float64)
            moved[i] += sign * step
            ends.append(mean_loss(moved, batch, loss, shift))
        slopes.append((ends[0] - ends[1]) / (2 * step))
    return np.array(slopes)
