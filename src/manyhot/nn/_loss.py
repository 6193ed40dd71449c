"""The loss of a batch by its logits, weighted by example, and its gradient by them. B examples."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from manyhot.kernels import Batch
from manyhot.schema import Loss

from ._pairs import pair_loss

__all__ = ["BCE", "batch_loss", "logit_shift", "loss_gradient"]

BCE = Loss()


def logit_shift(loss: Loss, keep_negatives: float = 1.0) -> float:
    """What is added to logits before the loss sees them: the log of the factor by which the odds in what is trained on
    are larger than in the data. So the logits themselves stay those of the data (docs/semantics.md, section 2)."""
    return (math.log(loss.positive_weight) if loss.calibrated else 0.0) - math.log(keep_negatives)


def batch_loss(logits: Tensor, batch: Batch, loss: Loss = BCE, shift: float = 0.0) -> Tensor:
    """Loss of logits float32 (B,), each plus `shift` (see logit_shift); a scalar.

    Of examples: sum(w * loss) / sum(w) over the batch, so that an example of weight 2 does what two of them do; w: the
    example weights, some above 0, or all 1. Of pairs: see pair_loss; the batch must then know its groups.
    """
    if loss.kind != "bpr" or loss.bpr_weight == 0:
        return _example_loss(logits, batch, loss, shift)
    by_pairs = loss.bpr_weight * pair_loss(logits, batch)  # a shift is in both logits of a pair
    if loss.bpr_weight == 1:
        return by_pairs
    return by_pairs + (1 - loss.bpr_weight) * _example_loss(logits, batch, loss, shift)


def loss_gradient(logits: Tensor, batch: Batch, loss: Loss = BCE, shift: float = 0.0) -> tuple[float, Tensor]:
    """The loss, and its gradient by the logits, float32 (B,). Autograd makes it, but for plain cross-entropy."""
    if loss != BCE:
        leaf = logits.detach().requires_grad_()
        with torch.enable_grad():
            value = batch_loss(leaf, batch, loss, shift)
            (gradient,) = torch.autograd.grad(value, leaf)
        return value.item(), gradient
    labels, weights = torch.from_numpy(batch.labels), _scaled_weights(batch)
    if shift:
        logits = logits + shift
    gradient = torch.sigmoid(logits).sub_(labels).div_(len(labels))
    if weights is not None:
        gradient.mul_(weights)
    return binary_cross_entropy_with_logits(logits, labels, weights).item(), gradient


def _example_loss(logits: Tensor, batch: Batch, loss: Loss, shift: float) -> Tensor:
    labels, weights = torch.from_numpy(batch.labels), _scaled_weights(batch)
    if shift:
        logits = logits + shift
    if loss.label_smoothing:
        labels = labels * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    if loss.kind == "focal":
        each = _focal(logits, labels, loss)
        return (each if weights is None else each * weights).mean()
    # Not divided by the positives' weights: batches hold few or many positives, and the odds would not be multiplied.
    positive_weight = None if loss.positive_weight == 1 else torch.tensor(loss.positive_weight)
    return binary_cross_entropy_with_logits(logits, labels, weights, pos_weight=positive_weight)


def _focal(logits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """-alpha_t * (1 - p_t)^gamma * log(p_t) of each example, p_t the probability of its label; Lin et al. 2017, "Focal
    loss for dense object detection", equation 5. From logits, without rounding p to 0 or 1."""
    if_positive = softplus(-logits) * torch.exp(loss.gamma * logsigmoid(-logits))
    if_negative = softplus(logits) * torch.exp(loss.gamma * logsigmoid(logits))
    if loss.alpha is not None:
        if_positive, if_negative = loss.alpha * if_positive, (1 - loss.alpha) * if_negative
    return labels * if_positive + (1 - labels) * if_negative


def _scaled_weights(batch: Batch) -> Tensor | None:
    """Example weights (B,) divided by their mean, in float64: whatever their scale nothing overflows, and weights of 1
    stay 1. None where all are 1."""
    weights = batch.example_weights
    if weights is None:
        return None
    return torch.from_numpy((weights / weights.mean(dtype=np.float64)).astype(np.float32))
