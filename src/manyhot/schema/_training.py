"""Training configuration: batches, epochs, early stopping."""

from __future__ import annotations

from typing import Literal

from manyhot.errors import ConfigError

from ._config import Config
from ._optimizers import DenseOptimizer, TableOptimizer

__all__ = ["EarlyStopping", "TrainingConfig"]


class EarlyStopping(Config, frozen=True, kw_only=True):
    """Stop when `metric` on valid has not improved for `patience` validations; the best weights are restored.

    metric: "gauc" needs a group in the schema.
    """

    metric: Literal["auc", "log_loss", "gauc"] = "auc"
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
