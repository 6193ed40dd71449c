"""One step of training: a batch in, weights moved."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from manyhot.kernels import Batch, Float32s, has_bfloat16
from manyhot.nn import (
    MLP,
    Model,
    batch_loss,
    has_gradients_by_hand,
    has_pairs,
    labels_loss,
    logit_shift,
    loss_by_hand,
)
from manyhot.schema import SettledTraining

from ._averaging import AveragedWeights
from ._clipping import clip
from ._dense import dense_optimizer, load_optimizer_state, optimizer_state
from ._state import Arrays, State, joined, part

__all__ = ["BadBatchError", "Learner"]

# Below so many multiplications a forward pass, changing types costs what faster matmuls bring (docs/performance.md).
_WORTH_BFLOAT16 = 1e8


class BadBatchError(Exception):
    """What a batch gives is NaN, infinite or too large, in words; nothing was moved by it."""


class Learner:
    """Holds the dense part's optimizer; the tables have their own. label_weights: of several labels, in their order;
    None: all 1. averages: of the weights, where asked for."""

    def __init__(self, model: Model, config: SettledTraining, label_weights: Sequence[float] | None = None) -> None:
        self.model = model
        self._label_weights = label_weights or (1.0,) * model.num_labels
        model.deep_in_bfloat16 = config.precision == "bfloat16" or (
            config.precision == "auto"
            and has_bfloat16()
            and config.batch_size * _multiplications(model) >= _WORTH_BFLOAT16
        )
        self._loss, self._shift = config.loss, logit_shift(config.loss, config.keep_negatives)
        self._only_pairs = config.loss.kind == "bpr" and config.loss.bpr_weight == 1
        self._by_hand = has_gradients_by_hand(model)
        self._dense = dense_optimizer(config.dense, model.parameters())
        self._dense_rate = config.dense.learning_rate
        # Rows wait for all gradients of the batch where their norm, or whether they are finite, decides how they move.
        self._skips = config.non_finite == "skip"
        self._clip_norm = math.inf if self._skips and config.clip_norm is None else config.clip_norm
        model.tables.keeps_gradients = self._clip_norm is not None
        self.averages = AveragedWeights(model, config.averaging.decay) if config.averaging else None

    def set_rates(self, factor: float) -> None:
        """Multiplies the learning rates of the config, for the steps to come."""
        self.model.tables.rate_factor = factor
        for group in self._dense.param_groups:
            group["lr"] = self._dense_rate * factor

    def learn(self, batch: Batch, largest: float = math.inf) -> float | None:
        """Moves tables and dense part by the batch (which needs its row plan); the loss before that. None, and nothing
        moves, where every example has the weight 0, or only pairs count and there is none.

        Raises BadBatchError, and nothing moves, where the loss is not finite or larger than `largest`, or the norm of
        the gradients that is looked at is not finite.
        """
        if batch.example_weights is not None and not batch.example_weights.any():
            return None
        if self._only_pairs and not has_pairs(batch):
            return None
        with self._buffers_kept() if self._skips else contextlib.nullcontext():
            if self._by_hand:
                value, backward = loss_by_hand(self.model, batch, self._loss, self._shift)
            else:
                value, backward = self._loss_by_autograd(batch)
            if not math.isfinite(value):
                raise BadBatchError(f"the loss became {value}")
            if value > largest:
                raise BadBatchError(f"the loss exploded to {value:,.4g}, beyond {largest:,.4g},")
            with self.averages.step(batch) if self.averages else contextlib.nullcontext():
                backward()
                if self._clip_norm is not None:
                    self._move_clipped(self._clip_norm)
                self._dense.step()
        return value

    @torch.no_grad()
    def logits(self, batch: Batch) -> Float32s:
        """Of the batch, without dropout: float32 [B], or [B, T] of several labels."""
        self.model.eval()
        logits: Float32s = self.model(batch).numpy()
        self.model.train()
        return logits

    @contextlib.contextmanager
    def _buffers_kept(self) -> Iterator[None]:
        """Batch norm has taken the batch into its statistics before the loss is known."""
        before = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        try:
            yield
        except BadBatchError:
            for buffer, value in before:
                buffer.copy_(value)
            raise

    def state(self) -> State:
        """Of the model, its optimizers and the averages."""
        arrays = {name: tensor.numpy() for name, tensor in self.model.state_dict().items()}
        dense = {name: arrays.pop(name) for name, _ in self.model.named_parameters() if name in arrays}
        parts: dict[str, State] = {
            "tables": self.model.tables.state(),
            "dense": ({}, dense),
            "buffers": ({}, arrays),
            "optimizer": optimizer_state(self._dense),
        }
        return joined(parts | ({"averages": self.averages.state()} if self.averages else {}))

    @property
    def num_bytes(self) -> int:
        """Of the large arrays of `state`."""
        return self.model.tables.data.nbytes + (self.averages.num_bytes if self.averages else 0)

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave of a learner with the same model and settings, before any step."""
        state = values, arrays
        self.model.tables.load_state(*part(state, "tables"))
        dense = part(state, "dense")[1] | part(state, "buffers")[1]
        self.model.load_state_dict({name: torch.tensor(array) for name, array in dense.items()})
        load_optimizer_state(self._dense, *part(state, "optimizer"))
        if self.averages:
            self.averages.load_state(*part(state, "averages"))

    def _move_clipped(self, largest: float) -> None:
        tables = self.model.tables
        assert tables.row_gradients is not None
        factor = clip(self.model.parameters(), tables.row_gradients[1], largest)
        if math.isnan(factor):
            raise BadBatchError("the gradients became NaN or infinite")
        tables.move(factor)

    def _loss_by_autograd(self, batch: Batch) -> tuple[float, Callable[[], None]]:
        logits = self.model(batch)
        loss_of = partial(batch_loss, loss=self._loss, shift=self._shift)
        several = self.model.num_labels > 1
        loss = labels_loss(logits, batch, self._label_weights, loss_of) if several else loss_of(logits, batch)

        def backward() -> None:
            self.model.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]

        return loss.item(), backward


def _multiplications(model: Model) -> int:
    """Of the MLPs, for one example."""
    mlps = [module for module in model.modules() if isinstance(module, MLP)]
    return sum(layer.weight.numel() for mlp in mlps for layer in mlp if isinstance(layer, nn.Linear))
