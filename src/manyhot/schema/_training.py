"""Training configuration: all that is decided before the data are seen; `_settled.py` has what depends on them."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from manyhot.errors import ConfigError

from ._checkpoints import Checkpoints
from ._config import Config
from ._loss import Loss
from ._optimizers import DenseOptimizer, TableOptimizer
from ._schedule import Schedule
from ._table_optimizers import TableChanges, TableOptimizers, VocabularyTables

__all__ = ["Averaging", "EarlyStopping", "TrainingConfig", "usual_tables"]

_USUAL_BATCH = 128


def usual_tables(batch_size: int) -> TableOptimizer:
    """The optimizer of tables where none is given: lazy adam with L2 on touched rows, its rate growing with the root of
    the batch as the noise falls (Malladi et al. 2022). Measured: docs/results.md, section Defaults."""
    rate = 0.002 * math.sqrt(batch_size / _USUAL_BATCH)
    return TableOptimizer(optimizer="adam", learning_rate=rate, l2=0.001)


class EarlyStopping(Config, frozen=True, kw_only=True):
    """Stop when `metric` on valid has not improved for `patience` validations; the best weights are restored.

    metric: "gauc" needs a group in the schema; log_loss and rmse are better when smaller.
    label: of several labels the one that decides; None: the mean of the metric over all of them.
    """

    metric: Literal["auc", "log_loss", "pr_auc", "rmse", "gauc"] = "log_loss"
    patience: int = 2
    label: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patience < 1:
            raise ConfigError(f"early_stopping: patience = {self.patience} must be at least 1")


class Averaging(Config, frozen=True, kw_only=True):
    """Validation and the model file take the average of the weights over the steps, a step s steps ago counting
    decay^s: about the last 1 / (1 - decay) steps. Cheap: a step pays for the rows that it touches."""

    decay: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.decay < 1:
            raise ConfigError(f"averaging: decay = {self.decay} must lie between 0 and 1")


class TrainingConfig(Config, frozen=True, kw_only=True):
    """The training loop.

    batch_size: examples a step; None: a power of two from 64 to 4096 that makes some 50 steps of an epoch.
    epochs: passes over the training data. None lets valid decide: at most 30, with averaging and with early_stopping
        of patience 4, three validations an epoch (one where valid has more than a third of train's rows), by log loss
        (auc or gauc where the loss leaves no probabilities), unless early_stopping, validate_every or averaging are
        given; without valid 3, with averaging. Averaging is left out beside l2_rows = "all".
    seed: decides initial weights, shuffling and dropout.
    validate_every: steps between validations; None validates at the end of each epoch, or as epochs = None says.
    label_weights: of several labels: how much each counts in the loss, by name; 1 where nothing is said.
    early_stopping: None trains all epochs and keeps the last weights, where epochs are given.
    tables, dense: the two optimizers; tables None: adam with L2 on touched rows, and a rate by the batch size.
    linear_tables: what is different in that of the linear weights; vocabularies: what is different in those of a
        vocabulary.
    clip_norm: the largest L2 norm of a batch's gradients, those of the dense part and the summed ones of the rows
        together; larger ones are scaled down to it, all by one factor. None does not look.
    schedule: how the learning rates change; None leaves them.
    init_from: a model file; rows of tokens that it knows in a vocabulary of the same name start as they are there
        (latent rows must be as long; a model without any gives or takes linear weights alone). None: all are fresh.
    loss: what is minimised.
    keep_negatives: share of the negatives that an epoch trains on, drawn anew for each; the loss sees the odds that
        this makes, so that probabilities stay those of all rows (He et al. 2014), and the bias ends at the rate of
        valid, where there is valid. Positives are all kept.
    averaging: None keeps the weights of the last step, where epochs are given.
    calibration: what is fitted on valid after training and applied to every score; None: nothing.
    non_finite: what is done about a batch whose loss is NaN, infinite or exploding. "stop": training ends with an error
        that names its rows. "skip": nothing is learned from it, which for the gradients too is known before anything
        moves (this costs what clip_norm costs); after more than 10 such batches in a row, or more than 10 and 1 % of
        all steps, training stops all the same.
    exploding_loss: a batch's loss explodes where it is more than so many times the lowest running mean of the training
        so far, or than so many times 1 where that is less; inf: none does.
    precision: of the MLP while training, "float32" or "bfloat16" (its matmuls; weights, loss and tables stay float32).
        "auto" is bfloat16 where the processor multiplies it natively (AMX, AVX512-BF16) and the MLP and the batch are
        large enough to gain by it. Validation, metrics and scores are always computed in float32.
    checkpoints: when they are written, where a folder for them is given.
    kernels: "native" (C++) or "reference" (plain torch: slow, the definition).
    threads: of encoding, kernels and matmuls; None takes all cores the process may use. Encoded rows, lookups and the
        movement of tables have the same bits for any number; what torch computes may differ in the last digit.
    deterministic: torch works on one thread, whatever `threads` says, so that the same seed gives the same bits for any
        number of them, on one kind of processor. Encoding and kernels keep their threads. docs/reliability.md, section
        The same bits, has what it costs.
    """

    batch_size: int | None = None
    epochs: int | None = None
    seed: int = 1
    validate_every: int | None = None
    label_weights: dict[str, float] | None = None
    early_stopping: EarlyStopping | None = None
    calibration: Literal["platt", "isotonic", "temperature"] | None = None
    tables: TableOptimizer | None = None
    linear_tables: TableChanges | None = None
    vocabularies: dict[str, VocabularyTables] = msgspec.field(default_factory=dict)
    dense: DenseOptimizer = DenseOptimizer()
    clip_norm: float | None = None
    schedule: Schedule | None = None
    init_from: str | None = None
    loss: Loss = Loss()
    keep_negatives: float = 1.0
    averaging: Averaging | None = None
    non_finite: Literal["stop", "skip"] = "stop"
    exploding_loss: float = 1000.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    checkpoints: Checkpoints = Checkpoints()
    kernels: Literal["native", "reference"] = "native"
    threads: int | None = None
    deterministic: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("batch_size", "epochs", "validate_every", "threads"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ConfigError(f"training: {key} = {value} must be at least 1")
        if self.init_from == "":
            raise ConfigError("training: init_from is empty; give the path of a model file, or leave the key out")
        for name, weight in (self.label_weights or {}).items():
            if not 0 <= weight < float("inf"):
                raise ConfigError(f'training: label_weights: {weight} of "{name}" must be a number from 0')
        if not 0 < self.keep_negatives <= 1:
            raise ConfigError(f"training: keep_negatives = {self.keep_negatives} must lie in (0, 1]")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"training: seed = {self.seed} must lie between 0 and 2^63 - 1")
        if not self.exploding_loss > 1:
            raise ConfigError(f"training: exploding_loss = {self.exploding_loss} must be more than 1, or inf")
        if self.clip_norm is not None and not 0 < self.clip_norm < float("inf"):
            raise ConfigError(f"training: clip_norm = {self.clip_norm} must be positive")
        self._check_optimizers()

    @property
    def table_optimizers(self) -> TableOptimizers:
        """tables, linear_tables and vocabularies together."""
        return TableOptimizers(self.tables or usual_tables(_USUAL_BATCH), self.linear_tables, self.vocabularies)

    @property
    def moves_all_rows(self) -> bool:
        """Whether l2_rows = "all" stands anywhere."""
        return any(
            optimizer.l2_rows == "all"
            for name in ("", *self.vocabularies)
            for optimizer in self.table_optimizers.of(name)
        )

    def _check_optimizers(self) -> None:
        """Every one of them can be made, and none is ftrl under a schedule."""
        used: list[tuple[str, str]] = [("dense", self.dense.optimizer)]
        for name in ("", *self.vocabularies):
            place = f"vocabularies.{name}" if name else "linear_tables"
            try:
                used += [(place, optimizer.optimizer) for optimizer in self.table_optimizers.of(name)]
            except ConfigError as error:
                raise ConfigError(f"training: {place}: {error}") from None
        if self.schedule is None or self.schedule == Schedule():
            return
        for place, optimizer in used:
            if optimizer == "ftrl":
                raise ConfigError(
                    f"training: a schedule cannot be combined with ftrl ({place}): its weights are all its gradients "
                    "divided by the rate, so that a change of the rate would change every weight; leave one of them out"
                )
