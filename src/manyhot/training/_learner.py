"""One step of training: a batch in, weights moved."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from manyhot.kernels import Batch, has_bfloat16
from manyhot.nn import DeepHead, Model
from manyhot.schema import TrainingConfig

from ._dense import dense_optimizer

__all__ = ["Learner", "batch_loss"]

# Below so many multiplications a forward pass, changing types costs what faster matmuls bring (docs/performance.md).
_WORTH_BFLOAT16 = 1e8


class Learner:
    """Holds the dense part's optimizer; the tables have their own."""

    def __init__(self, model: Model, config: TrainingConfig) -> None:
        self.model = model
        model.deep_in_bfloat16 = config.precision == "bfloat16" or (
            config.precision == "auto"
            and has_bfloat16()
            and config.batch_size * _multiplications(model) >= _WORTH_BFLOAT16
        )
        self._dense = dense_optimizer(config.dense, model.parameters())

    def learn(self, batch: Batch) -> float | None:
        """Moves tables and dense part by the batch (which needs its row plan), unless its loss is not finite; the loss
        before that. None, and nothing moves, where every example has the weight 0."""
        if batch.example_weights is not None and not batch.example_weights.any():
            return None
        loss = batch_loss(self.model(batch), batch)
        value = loss.item()
        if math.isfinite(value):
            self._dense.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self._dense.step()
        return value


def batch_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Binary cross-entropy of logits (B,), sum(w * loss) / sum(w) over the batch: an example of weight 2 does what two
    of them do. w: the example weights, some above 0, or all 1."""
    labels, weights = torch.from_numpy(batch.labels), batch.example_weights
    if weights is None:
        return binary_cross_entropy_with_logits(logits, labels)
    # Divided by their mean, in float64: whatever their scale nothing overflows, and weights of 1 stay 1.
    scaled = (weights / weights.mean(dtype=np.float64)).astype(np.float32)
    return binary_cross_entropy_with_logits(logits, labels, torch.from_numpy(scaled))


def _multiplications(model: Model) -> int:
    """Of the MLP, for one example."""
    heads = [head for head in model.heads.values() if isinstance(head, DeepHead)]
    return sum(layer.weight.numel() for head in heads for layer in head.mlp if isinstance(layer, nn.Linear))
