"""Training configuration: batches, epochs, optimizers, early stopping."""

from __future__ import annotations

from typing import Literal

import msgspec

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["DenseOptimizer", "EarlyStopping", "TableOptimizer", "TrainingConfig"]


class _Optimizer(Config, frozen=True, kw_only=True):
    optimizer: str = ""
    learning_rate: float = 0.01
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    initial_accumulator: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("learning_rate", "epsilon"):
            if not 0 < getattr(self, key) < float("inf"):
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must be positive")
        for key in ("l1", "l2", "weight_decay"):
            if not 0 <= getattr(self, key) < float("inf"):
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must not be negative")
        for key in ("beta1", "beta2"):
            if not 0 <= getattr(self, key) < 1:
                raise ConfigError(f"optimizer: {key} = {getattr(self, key)} must lie in [0, 1)")
        if not 0 < self.initial_accumulator < float("inf"):
            raise ConfigError(f"optimizer: initial_accumulator = {self.initial_accumulator} must be positive")
        used = _USED_KEYS[self.optimizer]
        for field in msgspec.structs.fields(self):
            if field.name not in used and getattr(self, field.name) != field.default:
                raise ConfigError(f'optimizer "{self.optimizer}" has no {field.name}; it has {", ".join(sorted(used))}')


_USED_KEYS: dict[str, set[str]] = {
    name: {"optimizer", "learning_rate", *keys}
    for name, keys in {
        "sgd": set[str](),
        "adagrad": {"initial_accumulator"},
        "proximal_adagrad": {"initial_accumulator", "l1", "l2"},
        "ftrl": {"initial_accumulator", "l1", "l2"},
        "adam": {"beta1", "beta2", "epsilon", "weight_decay"},
    }.items()
}


class TableOptimizer(_Optimizer, frozen=True, kw_only=True):
    """How the rows of the tables move; only rows in the batch are touched (formulas: docs/semantics.md, section 3).

    optimizer: "sgd", "adagrad", "proximal_adagrad", "ftrl", or "adam" (lazy, with decoupled weight decay).
    l1, l2: proximal_adagrad and ftrl only. weight_decay, beta1, beta2, epsilon: adam only.
    initial_accumulator: where the sum of squared gradients starts (adagrad, proximal_adagrad, ftrl).
    """

    optimizer: Literal["sgd", "adagrad", "proximal_adagrad", "ftrl", "adam"] = "adagrad"
    learning_rate: float = 0.05


class DenseOptimizer(_Optimizer, frozen=True, kw_only=True):
    """How the dense part (MLP, head coefficients, biases) moves.

    optimizer: torch's "sgd", "adagrad" and "adam" (with decoupled weight decay, as AdamW); "proximal_adagrad" and
        "ftrl"
        by the tables' formulas.
    """

    optimizer: Literal["sgd", "adagrad", "proximal_adagrad", "ftrl", "adam"] = "adam"
    learning_rate: float = 0.001


class EarlyStopping(Config, frozen=True, kw_only=True):
    """Stop when `metric` on valid has not improved for `patience` validations; the best weights are restored.

    metric: "gauc" needs a group in the schema; log_loss and rmse are better when smaller.
    """

    metric: Literal["auc", "log_loss", "pr_auc", "rmse", "gauc"] = "auc"
    patience: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patience < 1:
            raise ConfigError(f"early_stopping: patience = {self.patience} must be at least 1")


class TrainingConfig(Config, frozen=True, kw_only=True):
    """The training loop.

    batch_size, epochs: examples a step; passes over the training data.
    seed: decides initial weights, shuffling and dropout.
    validate_every: steps between validations; None validates at the end of each epoch.
    early_stopping: None trains all epochs and keeps the last weights.
    calibration: what is fitted on valid after training and applied to every score; None: nothing.
    tables, dense: the two optimizers.
    precision: of the MLP while training, "float32" or "bfloat16" (its matmuls; weights, loss and tables stay float32).
        "auto" is bfloat16 where the processor multiplies it natively (AMX, AVX512-BF16) and the MLP and the batch are
        large enough to gain by it. Validation, metrics and scores are always computed in float32.
    kernels: "native" (C++) or "reference" (plain torch: slow, the definition).
    threads: of encoding, kernels and matmuls; None takes all cores the process may use. Encoded rows
        and tables have the same bits for any number; the MLP may differ in the last digit.
    """

    batch_size: int = 4096
    epochs: int = 5
    seed: int = 1
    validate_every: int | None = None
    early_stopping: EarlyStopping | None = None
    calibration: Literal["platt", "isotonic", "temperature"] | None = None
    tables: TableOptimizer = TableOptimizer()
    dense: DenseOptimizer = DenseOptimizer()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    kernels: Literal["native", "reference"] = "native"
    threads: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("batch_size", "epochs", "validate_every", "threads"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ConfigError(f"training: {key} = {value} must be at least 1")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"training: seed = {self.seed} must lie between 0 and 2^63 - 1")
