"""One step of training: a batch in, weights moved."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from torch import nn

from manyhot.kernels import Batch, has_bfloat16
from manyhot.nn import (
    MLP,
    Model,
    batch_loss,
    has_gradients_by_hand,
    has_pairs,
    logit_shift,
    loss_by_hand,
)
from manyhot.schema import Loss, TrainingConfig

from ._averaging import AveragedWeights
from ._dense import dense_optimizer

__all__ = ["Learner", "batch_loss"]

# Below so many multiplications a forward pass, changing types costs what faster matmuls bring (docs/performance.md).
_WORTH_BFLOAT16 = 1e8


class Learner:
    """Holds the dense part's optimizer; the tables have their own. averages: of the weights, where asked for."""

    def __init__(self, model: Model, config: TrainingConfig) -> None:
        self.model = model
        model.deep_in_bfloat16 = config.precision == "bfloat16" or (
            config.precision == "auto"
            and has_bfloat16()
            and config.batch_size * _multiplications(model) >= _WORTH_BFLOAT16
        )
        self._loss, self._shift = config.loss, logit_shift(config.loss, config.keep_negatives)
        self._only_pairs = config.loss.kind == "bpr" and config.loss.bpr_weight == 1
        self._by_hand = has_gradients_by_hand(model)
        self._dense = dense_optimizer(config.dense, model.parameters())
        self.averages = AveragedWeights(model, config.averaging.decay) if config.averaging else None

    def learn(self, batch: Batch) -> float | None:
        """Moves tables and dense part by the batch (which needs its row plan), unless its loss is not finite; the loss
        before that. None, and nothing moves, where every example has the weight 0, or only pairs count and there is
        none."""
        if batch.example_weights is not None and not batch.example_weights.any():
            return None
        if self._only_pairs and not has_pairs(batch):
            return None
        loss_of = loss_by_hand if self._by_hand else _loss_by_autograd
        value, backward = loss_of(self.model, batch, self._loss, self._shift)
        if math.isfinite(value):
            with self.averages.step(batch) if self.averages else contextlib.nullcontext():
                backward()
                self._dense.step()
        return value


def _loss_by_autograd(model: Model, batch: Batch, loss: Loss, shift: float) -> tuple[float, Callable[[], None]]:
    value = batch_loss(model(batch), batch, loss, shift)

    def backward() -> None:
        model.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]

    return value.item(), backward


def _multiplications(model: Model) -> int:
    """Of the MLPs, for one example."""
    mlps = [module for module in model.modules() if isinstance(module, MLP)]
    return sum(layer.weight.numel() for mlp in mlps for layer in mlp if isinstance(layer, nn.Linear))
