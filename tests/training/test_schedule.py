"""The factor on the learning rates, and what a training makes of it."""

from __future__ import annotations

import math

import pytest
from clicks import SCHEMA, TRAIN, bits, train

import manyhot as mh
from manyhot.training._schedule import RateSchedule


def factors(num_steps: int = 12, steps_an_epoch: int = 4, **options: object) -> list[float]:
    schedule = RateSchedule(mh.Schedule(**options), num_steps, steps_an_epoch)
    return [schedule.factor(step) for step in range(1, num_steps + 1)]


def test_constant_and_warm_up() -> None:
    assert factors() == [1.0] * 12
    assert factors(warm_up_steps=4) == [0.25, 0.5, 0.75, *[1.0] * 9]
    assert RateSchedule(None, 12, 4).factor(7) == 1.0


def test_step() -> None:
    assert factors(kind="step") == pytest.approx([1.0] * 4 + [0.1] * 4 + [0.01] * 4)
    assert factors(kind="step", every=5, factor=0.5, min_factor=0.4) == [1.0] * 5 + [0.5] * 5 + [0.4] * 2


def test_cosine() -> None:
    expected = [(1 + math.cos(math.pi * k / 12)) / 2 for k in range(12)]
    assert factors(kind="cosine") == pytest.approx(expected)
    expected = [0.5, 1.0, *(0.2 + 0.8 * (1 + math.cos(math.pi * k / 10)) / 2 for k in range(10))]
    assert factors(kind="cosine", warm_up_steps=2, min_factor=0.2) == pytest.approx(expected)
    assert factors(kind="cosine", warm_up_steps=100) == pytest.approx([k / 100 for k in range(1, 13)])


@pytest.mark.parametrize(
    ("metric", "values", "patience", "expected"),
    [
        ("auc", [0.6, 0.7, 0.65, 0.7, 0.71, 0.5], 1, [1, 1, 0.1, 0.01, 0.01, 0.001]),
        ("auc", [0.6, 0.5, 0.5, 0.5, 0.5, 0.6], 2, [1, 1, 0.1, 0.1, 0.01, 0.01]),
        ("log_loss", [0.6, 0.5, 0.55, 0.4], 1, [1, 1, 0.1, 0.1]),
    ],
)
def test_plateau(metric: str, values: list[float], patience: int, expected: list[float]) -> None:
    schedule = RateSchedule(mh.Schedule(kind="plateau", metric=metric, patience=patience), 100, 10)
    seen = []
    for value in values:
        schedule.validated({"auc": 0.5, "log_loss": 0.5, metric: value})
        seen.append(schedule.factor(50))
    assert seen == pytest.approx(expected)


def test_plateau_ends_at_its_least_factor() -> None:
    schedule = RateSchedule(mh.Schedule(kind="plateau", min_factor=0.05), 100, 10)
    for _ in range(5):
        schedule.validated({"auc": 0.5})
    assert schedule.factor(1) == 0.05


def test_a_metric_that_is_undefined_is_said() -> None:
    schedule = RateSchedule(mh.Schedule(kind="plateau"), 100, 10)
    with pytest.raises(mh.TrainingError, match="schedule: auc is undefined"):
        schedule.validated({"auc": None})


SMALL = mh.TableOptimizer(optimizer="adam", learning_rate=0.005)


def test_a_training_under_a_schedule_moves_tables_and_dense_part() -> None:
    """A factor of one half everywhere is a training with half the rates, bit for bit."""
    half = {"tables": mh.TableOptimizer(optimizer="adam", learning_rate=0.0025)}
    plain, _ = train("widedeep", epochs=1, **half, dense=mh.DenseOptimizer(learning_rate=0.0005))
    scheduled, _ = train(
        "widedeep", epochs=1, tables=SMALL, schedule=mh.Schedule(kind="cosine", min_factor=1.0, warm_up_steps=1)
    )
    assert bits(scheduled) != bits(plain)
    rates = mh.Schedule(kind="step", every=1, factor=0.5, min_factor=0.5)
    rest, _ = train("widedeep", epochs=1, batch_size=300, tables=SMALL, schedule=rates)
    first, _ = train("widedeep", epochs=1, batch_size=300, tables=SMALL)
    assert bits(rest) == bits(first)  # the first step has the factor 1
    again, _ = train("widedeep", epochs=2, batch_size=300, tables=SMALL, schedule=rates)
    assert bits(again) != bits(train("widedeep", epochs=2, batch_size=300, tables=SMALL)[0])


def test_rates_fall_when_valid_does_not_rise_and_two_such_epochs_stop() -> None:
    """The recipe of published benchmarks: times 0.1 in each epoch without a rise, stop after the second in a row."""
    tables = mh.TableOptimizer(optimizer="sgd", learning_rate=1e-30)  # nothing moves, so nothing rises
    still = {"tables": tables, "dense": mh.DenseOptimizer(optimizer="sgd", learning_rate=1e-30), "epochs": 9}
    options = {"schedule": mh.Schedule(kind="plateau"), "early_stopping": mh.EarlyStopping(metric="auc", patience=2)}
    run, reports = train("fm", **still, **options)
    assert [report["epoch"] for report in reports] == [1, 2, 3]
    assert run.saved.network.tables.rate_factor == pytest.approx(0.1)  # of the third epoch


def test_what_a_schedule_needs_is_asked_for() -> None:
    plateau = mh.TrainingConfig(schedule=mh.Schedule(kind="plateau"))
    with pytest.raises(mh.ConfigError, match='"plateau" needs rows'):
        mh.train(SCHEMA, mh.LR(), train=TRAIN, training=plateau)
    with pytest.raises(mh.ConfigError, match='schedule by "gauc" needs a group'):
        train("lr", schedule=mh.Schedule(kind="plateau", metric="gauc"))
    with pytest.raises(mh.ConfigError, match='no vocabulary "ap"; did you mean "app"'):
        train("lr", vocabularies={"ap": mh.VocabularyTables(learning_rate=0.1)})
