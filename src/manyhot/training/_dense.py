"""Optimizers of the dense part: torch's own, and the tables' rules where torch has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from manyhot.kernels.rules import move
from manyhot.schema import DenseOptimizer

__all__ = ["dense_optimizer"]


def dense_optimizer(config: DenseOptimizer, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Adam's weight decay is decoupled (AdamW), as in the tables."""
    parameters, lr = list(parameters), config.learning_rate
    if config.optimizer == "adam":
        betas = (config.beta1, config.beta2)
        return torch.optim.AdamW(
            parameters, lr, betas=betas, eps=config.epsilon, weight_decay=config.weight_decay, fused=True
        )
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr)
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(parameters, lr, initial_accumulator_value=config.initial_accumulator, eps=0)
    return _TableRule(parameters, config)


class _TableRule(torch.optim.Optimizer):
    """proximal_adagrad and ftrl (docs/semantics.md, section 3) on dense parameters."""

    def __init__(self, parameters: list[Tensor], config: DenseOptimizer) -> None:
        super().__init__(parameters, {})
        self._config = config

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    continue
                state = self.state[w]
                if not state:
                    state["s0"] = torch.full_like(w, self._config.initial_accumulator)
                    state["s1"] = torch.zeros_like(w)
                new, state["s0"], state["s1"] = move(self._config, (1, 1), w, state["s0"], state["s1"], w.grad)
                w.copy_(new)
