"""Optimizers of the dense part: torch's own, and the tables' rules where torch has none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from manyhot.kernels.rules import move
from manyhot.schema import DenseOptimizer

from ._state import Arrays, State

__all__ = ["dense_optimizer", "load_optimizer_state", "optimizer_state"]


def dense_optimizer(config: DenseOptimizer, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """l2 is added to the gradients before the rule, in a parameter's `grad`; weight decay is decoupled."""
    parameters = list(parameters)
    if config.optimizer in ("proximal_adagrad", "ftrl"):
        return _TableRule(parameters, config)
    optimizer = _of_torch(config, parameters)
    if config.l2:
        optimizer.register_step_pre_hook(lambda *_: _add_l2(parameters, config.l2))
    return optimizer


def optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """Of every parameter by its number and the name that the optimizer gives, "3.exp_avg". Rates are no part of it:
    they are set at every step."""
    arrays: Arrays = {}
    values: dict[str, Any] = {}
    for number, of_parameter in optimizer.state_dict()["state"].items():
        for name, value in of_parameter.items():
            if isinstance(value, Tensor):
                arrays[f"{number}.{name}"] = value.numpy()
            else:
                values[f"{number}.{name}"] = value
    return values, arrays


def load_optimizer_state(optimizer: torch.optim.Optimizer, values: dict[str, Any], arrays: Arrays) -> None:
    """Takes what `optimizer_state` gave of an optimizer of the same kind, before any step."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**values, **{key: torch.tensor(array) for key, array in arrays.items()}}.items():
        number, _, name = key.partition(".")
        if isinstance(value, Tensor) and value.shape not in ((), parameters[int(number)].shape):
            raise ValueError(f"{key} has shape {tuple(value.shape)}")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _of_torch(config: DenseOptimizer, parameters: list[Tensor]) -> torch.optim.Optimizer:
    lr, name = config.learning_rate, config.optimizer
    if name == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=config.momentum, nesterov=config.nesterov)
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, lr, initial_accumulator_value=config.initial_accumulator, eps=0)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, lr, alpha=config.alpha, eps=config.epsilon, momentum=config.momentum)
    betas = (config.beta1, config.beta2)
    if name == "adamax":
        return torch.optim.Adamax(parameters, lr, betas=betas, eps=config.epsilon)
    if name in ("nadam", "radam"):
        kind = torch.optim.NAdam if name == "nadam" else torch.optim.RAdam
        return kind(
            parameters,
            lr,
            betas=betas,
            eps=config.epsilon,
            weight_decay=config.decay,
            decoupled_weight_decay=True,
        )
    return torch.optim.AdamW(parameters, lr, betas=betas, eps=config.epsilon, weight_decay=config.decay, fused=True)


@torch.no_grad()
def _add_l2(parameters: list[Tensor], l2: float) -> None:
    for w in parameters:
        if w.grad is not None:
            w.grad.add_(w, alpha=l2)


class _TableRule(torch.optim.Optimizer):
    """proximal_adagrad and ftrl (docs/semantics.md, section 3) on dense parameters."""

    def __init__(self, parameters: list[Tensor], config: DenseOptimizer) -> None:
        super().__init__(parameters, {"lr": config.learning_rate})
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
                new, state["s0"], state["s1"] = move(
                    self._config, group["lr"], (1, 1), w, state["s0"], state["s1"], w.grad
                )
                w.copy_(new)
