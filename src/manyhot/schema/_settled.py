"""What a training comes to once it is known how many rows there are: the defaults that depend on the data."""

from __future__ import annotations

from typing import Any

from ._optimizers import TableOptimizer
from ._training import Averaging, EarlyStopping, TrainingConfig, usual_tables

__all__ = ["SettledTraining", "settle"]

# Measured over data sets of 7,000 to 240,000 rows: docs/results.md, section Defaults.
_STEPS_AN_EPOCH, _SMALLEST_BATCH, _LARGEST_BATCH = 50, 64, 4096
_MOST_EPOCHS, _EPOCHS_WITHOUT_VALID = 30, 3
_LOOKS_AN_EPOCH, _PATIENCE = 3, 4
_AVERAGING = Averaging(decay=0.99)


class SettledTraining(TrainingConfig, frozen=True, kw_only=True, omit_defaults=False):
    """A TrainingConfig of which nothing depends on the data any more. Written down it has every key, so that a model
    file tells what was trained with."""

    batch_size: int = _LARGEST_BATCH
    epochs: int = _EPOCHS_WITHOUT_VALID
    tables: TableOptimizer = usual_tables(_LARGEST_BATCH)


def settle(config: TrainingConfig, num_rows: int, num_valid_rows: int | None) -> SettledTraining:
    """num_rows: that an epoch trains on. num_valid_rows: None where there is no valid. See TrainingConfig."""
    given: dict[str, Any] = {key: getattr(config, key) for key in config.__struct_fields__}
    if config.batch_size is None:
        given["batch_size"] = _batch_size(num_rows)
    if config.tables is None:
        given["tables"] = usual_tables(given["batch_size"])
    if config.epochs is None:
        given["epochs"] = _EPOCHS_WITHOUT_VALID if num_valid_rows is None else _MOST_EPOCHS
        if config.averaging is None and not config.moves_all_rows:
            given["averaging"] = _AVERAGING
        if config.early_stopping is None and num_valid_rows is not None:
            given["early_stopping"] = EarlyStopping(metric=config.loss.order_metric or "log_loss", patience=_PATIENCE)
            looking_is_cheap = 3 * num_valid_rows <= num_rows
            if config.validate_every is None and looking_is_cheap:
                steps = -(-num_rows // given["batch_size"])
                given["validate_every"] = max(1, steps // _LOOKS_AN_EPOCH)
    return SettledTraining(**given)


def _batch_size(num_rows: int) -> int:
    steps = max(num_rows // _STEPS_AN_EPOCH, 1)
    return min(max(1 << (steps.bit_length() - 1), _SMALLEST_BATCH), _LARGEST_BATCH)
