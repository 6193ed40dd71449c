"""The optimizers of the tables and of the dense part."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["DenseOptimizer", "TableOptimizer"]


# Of an optimizer that is given without one.
_RATES = {"sgd": 0.01, "adagrad": 0.05, "rowwise_adagrad": 0.05, "proximal_adagrad": 0.05, "ftrl": 0.05}
_ADAM_RATE = 0.001


class _Optimizer(Config, frozen=True, kw_only=True):
    optimizer: str = ""
    learning_rate: float = -math.inf  # stands for the one of the optimizer
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float | None = None
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    initial_accumulator: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learning_rate == -math.inf:
            msgspec.structs.force_setattr(self, "learning_rate", _RATES.get(self.optimizer, _ADAM_RATE))
        for key in ("learning_rate", "epsilon"):
            if not 0 < getattr(self, key) < float("inf"):
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must be positive")
        for key in ("l1", "l2", "weight_decay"):
            if not 0 <= (getattr(self, key) or 0.0) < float("inf"):
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must not be negative")
        for key in ("beta1", "beta2"):
            if not 0 <= getattr(self, key) < 1:
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must lie in [0, 1)")
        if not 0 < self.initial_accumulator < float("inf"):
            raise ConfigError(f"optimizer: initial_accumulator = {self.initial_accumulator} must be positive")
        used = {"optimizer", "learning_rate"} | self.keys()[self.optimizer]
        for field in msgspec.structs.fields(self):
            if field.name not in used and getattr(self, field.name) != field.default:
                raise ConfigError(f'optimizer "{self.optimizer}" has no {field.name}; it has {", ".join(sorted(used))}')

    @staticmethod
    def keys() -> dict[str, set[str]]:
        """The keys of each optimizer, beside its name and learning_rate."""
        return {}

    @property
    def decay(self) -> float:
        """weight_decay, 0.01 for adamw where it is not given, else 0."""
        default = 0.01 if self.optimizer == "adamw" else 0.0
        return default if self.weight_decay is None else self.weight_decay

    @property
    def first_state(self) -> float:
        """Where the first state of every number starts."""
        return self.initial_accumulator if "initial_accumulator" in self.keys()[self.optimizer] else 0.0

    @property
    def penalty(self) -> float:
        """What times w is added to the gradient: l2, but for the rules that have it in their formula."""
        return 0.0 if self.optimizer in ("proximal_adagrad", "ftrl") else self.l2


_ADAM = {"l2", "beta1", "beta2", "epsilon", "weight_decay"}
_PROXIMAL = {"initial_accumulator", "l1", "l2"}
_TABLE_KEYS = {
    "sgd": {"l2", "l2_rows"},
    "adagrad": {"initial_accumulator", "l2", "l2_rows"},
    "rowwise_adagrad": {"initial_accumulator", "epsilon", "l2", "l2_rows"},
    "proximal_adagrad": _PROXIMAL,
    "ftrl": _PROXIMAL,
    "adam": _ADAM | {"l2_rows"},
    "adamw": _ADAM | {"l2_rows"},
}
_DENSE_KEYS = {
    "sgd": {"l2", "momentum", "nesterov"},
    "adagrad": {"initial_accumulator", "l2"},
    "proximal_adagrad": _PROXIMAL,
    "ftrl": _PROXIMAL,
    "adam": _ADAM,
    "adamw": _ADAM,
    "nadam": _ADAM,
    "radam": _ADAM,
    "adamax": _ADAM - {"weight_decay"},
    "rmsprop": {"l2", "alpha", "epsilon", "momentum"},
}


class TableOptimizer(_Optimizer, frozen=True, kw_only=True):
    """How the rows of the tables move (formulas: docs/semantics.md, section 3).

    optimizer: "sgd", "adagrad", "rowwise_adagrad" (one accumulator for the latent numbers of a row),
        "proximal_adagrad", "ftrl", "adam", or "adamw" (adam with weight_decay 0.01 where none is given).
    l1: of proximal_adagrad and ftrl. l2: theirs, in their formula; for the others lambda of lambda/2 * ||row||^2, whose
        gradient lambda * row is added to what the loss gives.
    l2_rows: "touched", only rows of the batch move; "all": every row at every step, those that are not in the batch by
        l2 (and Adam's moments) alone. Not of proximal_adagrad and ftrl.
    weight_decay (decoupled, as in AdamW), beta1, beta2: adam and adamw. epsilon: of them and rowwise_adagrad.
    initial_accumulator: where the sum of squared gradients starts (all but sgd, adam, adamw).
    learning_rate: unless given 0.001 for adam and adamw, 0.01 for sgd, 0.05 for the others.
    """

    optimizer: Literal["sgd", "adagrad", "rowwise_adagrad", "proximal_adagrad", "ftrl", "adam", "adamw"] = "adam"
    l2_rows: Literal["touched", "all"] = "touched"

    @staticmethod
    def keys() -> dict[str, set[str]]:
        return _TABLE_KEYS

    def of(self, vocabulary: str) -> tuple[TableOptimizer, TableOptimizer]:
        """Of the latent numbers and of the linear weights of a vocabulary: this one."""
        return self, self


class DenseOptimizer(_Optimizer, frozen=True, kw_only=True):
    """How the dense part (MLP, head coefficients, biases) moves.

    optimizer: torch's "sgd", "adagrad", "adam", "adamw" (adam with weight_decay 0.01 where none is given), "nadam",
        "radam", "adamax", "rmsprop"; or "proximal_adagrad" and "ftrl" by the tables' formulas.
    l2: as of the tables, on every parameter. weight_decay: decoupled. momentum: of sgd (nesterov: as Nesterov's) and
        rmsprop. alpha: how much rmsprop keeps of its mean of squares. The others: as of the tables.
    """

    optimizer: Literal[
        "sgd",
        "adagrad",
        "proximal_adagrad",
        "ftrl",
        "adam",
        "adamw",
        "nadam",
        "radam",
        "adamax",
        "rmsprop",
    ] = "adam"
    momentum: float = 0.0
    nesterov: bool = False
    alpha: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("momentum", "alpha"):
            if not 0 <= getattr(self, key) < 1:
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must lie in [0, 1)")
        if self.nesterov and not self.momentum:
            raise ConfigError("optimizer: nesterov needs a momentum above 0")

    @staticmethod
    def keys() -> dict[str, set[str]]:
        return _DENSE_KEYS
