"""The loss of a batch: binary cross-entropy on logits, weighted by example."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from manyhot.kernels import Batch

__all__ = ["batch_loss", "scaled_weights"]


def batch_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Binary cross-entropy of logits (B,), sum(w * loss) / sum(w) over the batch: an example of weight 2 does what two
    of them do. w: the example weights, some above 0, or all 1."""
    return binary_cross_entropy_with_logits(logits, torch.from_numpy(batch.labels), scaled_weights(batch))


def scaled_weights(batch: Batch) -> Tensor | None:
    """Example weights (B,) divided by their mean, in float64: whatever their scale nothing overflows, and weights of 1
    stay 1. None where all are 1."""
    weights = batch.example_weights
    if weights is None:
        return None
    return torch.from_numpy((weights / weights.mean(dtype=np.float64)).astype(np.float32))
