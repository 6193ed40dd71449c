"""settle: what a training comes to on so many rows."""

from __future__ import annotations

from typing import Any

import pytest

from manyhot.schema import Averaging, EarlyStopping, Loss, TableOptimizer, TrainingConfig, settle


@pytest.mark.parametrize(
    ("num_rows", "batch_size"), [(1, 64), (3_199, 64), (6_400, 128), (25_599, 256), (150_000, 2048), (10**8, 4096)]
)
def test_an_epoch_has_some_fifty_steps_of_a_power_of_two(num_rows: int, batch_size: int) -> None:
    assert settle(TrainingConfig(), num_rows, None).batch_size == batch_size


def test_without_epochs_valid_decides() -> None:
    found = settle(TrainingConfig(), 16_000, 4_000)
    assert (found.batch_size, found.epochs, found.validate_every) == (256, 30, 21)
    assert found.early_stopping == EarlyStopping(metric="log_loss", patience=4)
    assert found.averaging == Averaging(decay=0.99)
    alone = settle(TrainingConfig(), 16_000, None)
    assert (alone.epochs, alone.early_stopping, alone.validate_every) == (3, None, None)
    assert alone.averaging == Averaging(decay=0.99)
    large_valid = settle(TrainingConfig(), 16_000, 8_000)
    assert (large_valid.validate_every, large_valid.early_stopping) == (None, found.early_stopping)


def test_what_is_given_stays() -> None:
    given = settle(TrainingConfig(epochs=2, batch_size=7), 16_000, 4_000)
    assert (given.epochs, given.batch_size, given.early_stopping, given.averaging) == (2, 7, None, None)
    stopping, averaging = EarlyStopping(metric="rmse", patience=1), Averaging(decay=0.5)
    found = settle(TrainingConfig(early_stopping=stopping, averaging=averaging), 16_000, 4_000)
    assert (found.early_stopping, found.averaging, found.validate_every) == (stopping, averaging, None)
    assert settle(TrainingConfig(validate_every=5), 16_000, 4_000).validate_every == 5


def test_rows_that_move_outside_the_batch_are_not_averaged() -> None:
    tables = TableOptimizer(l2=0.01, l2_rows="all")
    assert settle(TrainingConfig(tables=tables), 16_000, 4_000).averaging is None


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        ({"positive_weight": 5.0}, "log_loss"),
        ({"kind": "bpr"}, "log_loss"),
        ({"kind": "bpr", "bpr_weight": 1.0}, "gauc"),
        ({"kind": "focal"}, "auc"),
        ({"positive_weight": 5.0, "calibrated": False}, "auc"),
        ({"label_smoothing": 0.1}, "auc"),
    ],
)
def test_log_loss_judges_only_what_a_loss_makes_probabilities(loss: dict[str, Any], metric: str) -> None:
    """Else the first steps, which move the logits away from the rate of the data, would be the best ones."""
    stopping = settle(TrainingConfig(loss=Loss(**loss)), 16_000, 4_000).early_stopping
    assert stopping is not None and stopping.metric == metric
