"""What a training comes to by the number of rows: batches, epochs, looks at valid, averages; what is given stays."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from manyhot.schema import (
    Averaging,
    DenseOptimizer,
    EarlyStopping,
    Loss,
    SettledTraining,
    TableChanges,
    TableOptimizer,
    TrainingConfig,
    VocabularyTables,
    settle,
)
from manyhot.schema._training import usual_tables

AVERAGED, STOPPING = Averaging(decay=0.99), EarlyStopping(metric="log_loss", patience=4)
AUC = EarlyStopping(metric="auc", patience=1)
ALL_ROWS = TableOptimizer(l2=0.1, l2_rows="all")


@pytest.mark.parametrize(
    ("num_rows", "expected"),
    [
        (1, 64),
        (50 * 128 - 1, 64),
        (50 * 128, 128),
        (100_000, 1024),
        (50 * 4096 - 1, 2048),
        (50 * 4096, 4096),
        (10**9, 4096),
    ],
)
def test_a_batch_is_a_fiftieth_of_the_rows_down_to_a_power_of_two(num_rows: int, expected: int) -> None:
    assert settle(TrainingConfig(), num_rows, None).batch_size == expected
    assert settle(TrainingConfig(epochs=2), num_rows, 1000).batch_size == expected
    assert settle(TrainingConfig(batch_size=100), num_rows, None).batch_size == 100


# Of 10,000 rows, which are batches of 128: 79 steps an epoch.
CASES: dict[str, tuple[TrainingConfig, int | None, dict[str, Any]]] = {
    "no valid": (
        TrainingConfig(),
        None,
        {"epochs": 3, "averaging": AVERAGED, "early_stopping": None, "validate_every": None},
    ),
    "valid": (
        TrainingConfig(),
        1000,
        {"epochs": 30, "averaging": AVERAGED, "early_stopping": STOPPING, "validate_every": 26},
    ),
    "valid of a third": (TrainingConfig(), 3333, {"epochs": 30, "early_stopping": STOPPING, "validate_every": 26}),
    "valid of more": (TrainingConfig(), 3334, {"epochs": 30, "early_stopping": STOPPING, "validate_every": None}),
    "one batch an epoch": (TrainingConfig(batch_size=10_000), 1000, {"batch_size": 10_000, "validate_every": 1}),
    "epochs given": (
        TrainingConfig(epochs=7),
        1000,
        {"batch_size": 128, "epochs": 7, "averaging": None, "early_stopping": None, "validate_every": None},
    ),
    "all given beside epochs": (
        TrainingConfig(epochs=7, averaging=Averaging(decay=0.5), early_stopping=AUC, validate_every=5),
        1000,
        {"epochs": 7, "averaging": Averaging(decay=0.5), "early_stopping": AUC, "validate_every": 5},
    ),
    "averaging given": (TrainingConfig(averaging=Averaging(decay=0.5)), 1000, {"averaging": Averaging(decay=0.5)}),
    "early stopping given": (
        TrainingConfig(early_stopping=AUC),
        1000,
        {"epochs": 30, "averaging": AVERAGED, "early_stopping": AUC, "validate_every": None},
    ),
    "looks given": (TrainingConfig(validate_every=11), 1000, {"early_stopping": STOPPING, "validate_every": 11}),
    "l2 on all rows": (TrainingConfig(tables=ALL_ROWS), 1000, {"averaging": None, "early_stopping": STOPPING}),
    "l2 on all rows of the linear weights": (
        TrainingConfig(linear_tables=TableChanges(l2_rows="all")),
        None,
        {"epochs": 3, "averaging": None},
    ),
    "l2 on all rows of a vocabulary": (
        TrainingConfig(vocabularies={"app": VocabularyTables(l2_rows="all")}),
        1000,
        {"averaging": None, "validate_every": 26},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_given_is_settled_and_what_is_given_stays(name: str) -> None:
    config, num_valid_rows, expected = CASES[name]
    found = settle(config, 10_000, num_valid_rows)
    assert {key: getattr(found, key) for key in expected} == expected
    settled = {"batch_size", "epochs", "averaging", "early_stopping", "validate_every", "tables"}
    for key in set(config.__struct_fields__) - settled:
        assert getattr(found, key) == getattr(config, key)
    assert found.tables == (config.tables or usual_tables(found.batch_size))
    assert settle(found, 50, None if num_valid_rows is None else 5) == found  # which now depends on nothing


def test_a_settled_training_is_written_down_with_every_key() -> None:
    found = msgspec.to_builtins(settle(TrainingConfig(), 10**6, None))
    assert set(found) == set(TrainingConfig.__struct_fields__)
    assert (found["batch_size"], found["epochs"], found["dense"]) == (4096, 3, {"learning_rate": 0.001})
    assert msgspec.convert(found, SettledTraining) == settle(TrainingConfig(), 10**6, None)


@pytest.mark.parametrize(("batch_size", "rate"), [(64, 0.0014142), (128, 0.002), (2048, 0.008), (4096, 0.0113137)])
@pytest.mark.parametrize("epochs", [None, 5])
def test_tables_move_by_adam_with_l2_at_a_rate_by_the_batch(batch_size: int, rate: float, epochs: int | None) -> None:
    tables = settle(TrainingConfig(epochs=epochs), 50 * batch_size, None).tables  # rows that settle the batch, too
    assert (tables.optimizer, tables.l2, tables.l2_rows) == ("adam", 0.001, "touched")
    assert tables.learning_rate == pytest.approx(rate, rel=1e-4)
    assert settle(TrainingConfig(batch_size=batch_size), 10**6, None).tables == tables


def test_an_optimizer_of_tables_that_is_given_stays_as_it_is() -> None:
    for given in (TableOptimizer(), TableOptimizer(optimizer="adagrad"), usual_tables(128)):
        assert settle(TrainingConfig(tables=given), 10**6, 1000).tables == given
    found = settle(TrainingConfig(linear_tables=TableChanges(optimizer="ftrl")), 10**6, None)
    ftrl = TableOptimizer(optimizer="ftrl", learning_rate=0.05)
    assert found.table_optimizers.of("app") == (usual_tables(4096), ftrl)


@pytest.mark.parametrize("kind", [TableOptimizer, DenseOptimizer])
@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        ("adam", 0.001),
        ("adamw", 0.001),
        ("sgd", 0.01),
        ("adagrad", 0.05),
        ("proximal_adagrad", 0.05),
        ("ftrl", 0.05),
    ],
)
def test_each_optimizer_has_a_learning_rate_of_its_own(kind: Any, optimizer: str, rate: float) -> None:
    assert kind(optimizer=optimizer).learning_rate == rate
    assert kind(optimizer=optimizer, learning_rate=0.3).learning_rate == 0.3
    assert msgspec.convert({"optimizer": optimizer}, kind).learning_rate == rate  # as from a file


def test_learning_rates_of_what_one_part_alone_has() -> None:
    assert TableOptimizer() == TableOptimizer(optimizer="adam", learning_rate=0.001)
    assert DenseOptimizer() == DenseOptimizer(optimizer="adam", learning_rate=0.001)
    assert TableOptimizer(optimizer="rowwise_adagrad").learning_rate == 0.05
    for optimizer in ("nadam", "radam", "adamax", "rmsprop"):
        assert DenseOptimizer(optimizer=optimizer).learning_rate == 0.001


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
