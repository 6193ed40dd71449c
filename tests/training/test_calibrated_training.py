"""A calibration on its whole way: fitted after training, in metrics, in the model file, in every score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clicks import SCHEMA, TRAIN, VALID, frame, train
from safetensors.numpy import load_file

import manyhot as mh
from manyhot.calibration import fit_calibrator
from manyhot.data import open_source
from manyhot.metrics import evaluate_logits, sigmoid
from manyhot.model_file import load_model

METHODS = ("platt", "isotonic", "temperature")
FAST = mh.TableOptimizer(learning_rate=0.5)  # overfits
TEST = frame(3, 200)


def trained(calibration: str | None, **options: object) -> mh.Run:
    training = mh.TrainingConfig(batch_size=64, epochs=8, threads=1, tables=FAST, calibration=calibration)
    model = mh.FM(embedding_dim=4)
    listener = options.pop("listener", lambda report: None)
    return mh.train(
        SCHEMA, model, train=TRAIN, training=training, listener=listener, **{"valid": VALID, "test": TEST} | options
    )


@pytest.fixture(scope="module")
def plain() -> mh.Run:
    return trained(None)


@pytest.mark.parametrize("method", METHODS)
def test_every_score_goes_through_what_was_fitted_on_valid(method: str, plain: mh.Run, tmp_path: Path) -> None:
    run = trained(method)
    valid, test = (plain.saved.labelled_logits(open_source(rows)) for rows in (VALID, TEST))
    calibrate = fit_calibrator(method, valid.labels, valid.logits)
    expected = calibrate(test.logits)
    assert not np.allclose(expected, test.logits, atol=0.1)
    run.save(tmp_path / "m")
    scorer = mh.load(tmp_path / "m")
    np.testing.assert_allclose(scorer.score(TEST), sigmoid(expected), atol=1e-6)
    np.testing.assert_allclose(scorer.evaluate(TEST).logits, expected, atol=1e-4)
    np.testing.assert_array_equal(scorer.score(TEST), run.saved.probabilities(open_source(TEST)))
    np.testing.assert_allclose(run.saved.proof_probabilities, scorer.score(VALID)[:256], atol=1e-6)
    assert run.metrics["test"] == pytest.approx(evaluate_logits(test.labels, expected), abs=1e-4)
    assert run.metrics["valid_uncalibrated"] == plain.metrics["valid"]
    assert run.metrics["valid"]["log_loss"] < plain.metrics["valid"]["log_loss"]
    assert run.metrics["test"]["log_loss"] < plain.metrics["test"]["log_loss"]
    if method != "isotonic":
        assert run.metrics["valid"]["auc"] == pytest.approx(plain.metrics["valid"]["auc"], abs=1e-4)


def test_without_a_calibration_the_file_knows_of_none(plain: mh.Run, tmp_path: Path) -> None:
    plain.save(tmp_path / "m")
    assert not [name for name in load_file(tmp_path / "m") if name.startswith("calibration")]
    assert load_model(tmp_path / "m").calibrator is None
    assert set(plain.metrics) >= {"valid", "test"} and "valid_uncalibrated" not in plain.metrics


def test_example_weights_count() -> None:
    schema = mh.Schema(label="y", fields=[mh.Field("city")], example_weights="w")
    data = {"city": ["a", "b"] * 40, "y": [1, 1, 0, 0] * 20, "w": [1.0] * 80}
    valid = {"city": ["a", "b"] * 40, "y": [1, 0, 0, 1] * 20, "w": [3.0, 1.0, 1.0, 1.0] * 20}
    training = mh.TrainingConfig(epochs=1, calibration="platt", threads=1)
    run = mh.train(schema, mh.LR(), train=data, valid=valid, training=training, listener=lambda report: None)
    assert run.metrics["valid"]["calibration"] == pytest.approx(1, abs=0.01)
    assert run.metrics["valid_uncalibrated"]["calibration"] < 0.8


def test_early_stopping_comes_first_and_sees_no_calibration() -> None:
    stopping = mh.EarlyStopping(metric="rmse", patience=2)
    plain, reports = train("fm", epochs=30, early_stopping=stopping, tables=FAST)
    run, again = train("fm", epochs=30, early_stopping=stopping, tables=FAST, calibration="platt")
    assert [report["rmse"] for report in reports] == [report["rmse"] for report in again]
    assert len(reports) < 30 and plain.metrics["valid"]["rmse"] == min(report["rmse"] for report in reports)
    assert run.metrics["valid_uncalibrated"] == plain.metrics["valid"]


def test_early_stopping_by_pr_auc_keeps_the_largest() -> None:
    run, reports = train("fm", epochs=60, early_stopping=mh.EarlyStopping(metric="pr_auc", patience=2), tables=FAST)
    values = [report["pr_auc"] for report in reports]
    assert len(values) < 60 and run.metrics["valid"]["pr_auc"] == max(values) > values[-1]


def test_without_valid_there_is_nothing_to_fit_on() -> None:
    with pytest.raises(mh.ConfigError, match="calibration is fitted on rows that training does not learn from"):
        trained("platt", valid=None)


def test_valid_of_one_class_is_refused_before_training() -> None:
    reports: list[object] = []
    ones = {**VALID, "clicked": [1] * len(VALID["clicked"])}
    with pytest.raises(mh.TrainingError, match="calibration: valid holds labels of one class only"):
        trained("isotonic", valid=ones, listener=reports.append)
    assert reports == []


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(mh.ConfigError, match="calibration"):
        mh.TrainingConfig(calibration="plat")
