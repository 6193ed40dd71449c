"""Training with nothing but the rows: it looks three times an epoch, stops when valid says so and keeps the best."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from clicks import SCHEMA, TRAIN, VALID, Report, frame

import manyhot as mh
from manyhot.schema import SettledTraining, settle


@pytest.fixture(scope="module")
def by_default() -> tuple[mh.Run, list[Report]]:
    """4,000 rows of a log of clicks, which are batches of 64 and 63 steps an epoch."""
    reports: list[Report] = []
    run = mh.train(SCHEMA, mh.DeepFM(), train=frame(1, 4000), valid=frame(2, 1300), listener=reports.append)
    return run, reports


def test_it_stops_early_on_the_best_weights_and_beats_the_base_rate(by_default: tuple[mh.Run, list[Report]]) -> None:
    run, reports = by_default
    looks = [report for report in reports if report["event"] == "valid"]
    losses = [report["log_loss"] for report in looks]
    assert [report["step"] for report in looks] == [21 * (i + 1) for i in range(len(looks))]
    assert reports[0]["epochs"] == 30 and looks[-1]["epoch"] < 30
    assert losses.index(min(losses)) == len(losses) - 1 - 4
    assert run.metrics["valid"]["log_loss"] == min(losses)
    rate, labels = np.mean(frame(1, 4000)["clicked"]), np.array(frame(2, 1300)["clicked"])
    of_base_rate = -np.mean(np.where(labels == 1, math.log(rate), math.log(1 - rate)))
    assert min(losses) < 0.9 * of_base_rate
    assert losses[0] < 1.02 * of_base_rate  # it starts there


def test_the_model_file_says_what_the_defaults_came_to(by_default: tuple[mh.Run, list[Report]]) -> None:
    settings = msgspec.convert(by_default[0].saved.summary["training"], SettledTraining)
    assert settings == settle(mh.TrainingConfig(), 4000, 1300)
    assert (settings.batch_size, settings.epochs, settings.validate_every) == (64, 30, 21)


def test_without_valid_it_trains_three_epochs_and_averages() -> None:
    reports: list[Report] = []
    run = mh.train(SCHEMA, mh.FM(), train=TRAIN, listener=reports.append)
    assert run.metrics["examples"] == 3 * len(TRAIN["clicked"]) and reports[0]["epochs"] == 3
    explicit = mh.TrainingConfig(batch_size=64, epochs=3, averaging=mh.Averaging(decay=0.99))
    alike = mh.train(SCHEMA, mh.FM(), train=TRAIN, training=explicit)
    assert alike.saved.network.tables.data.tobytes() == run.saved.network.tables.data.tobytes()


def test_fewer_negatives_are_fewer_rows_and_smaller_batches() -> None:
    data, training = frame(3, 8000), mh.TrainingConfig(epochs=1, keep_negatives=0.1)
    sizes = [
        mh.train(SCHEMA, mh.LR(), train=data, training=each).saved.summary["training"]["batch_size"]
        for each in (mh.TrainingConfig(epochs=1), training)
    ]
    assert sizes == [128, 64]


def test_a_label_that_no_row_of_valid_has_is_said() -> None:
    both = mh.Schema(labels=("clicked", "bought"), fields=SCHEMA.fields)
    data, valid = TRAIN | {"bought": TRAIN["clicked"]}, VALID | {"bought": [None] * len(VALID["clicked"])}
    with pytest.raises(mh.TrainingError, match=r"log_loss is undefined, a label is missing.*early_stopping\.label"):
        mh.train(both, mh.LR(), train=data, valid=valid)
    stopping = mh.EarlyStopping(label="clicked")
    run = mh.train(both, mh.LR(), train=data, valid=valid, training=mh.TrainingConfig(early_stopping=stopping))
    assert run.metrics["valid"]["bought"]["log_loss"] is None
