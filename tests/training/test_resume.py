"""A training that stops at any moment and goes on has the same bits as one that does not stop."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import clicks
import numpy as np
import pytest
import stops
from hypothesis import given, settings
from hypothesis import strategies as st

import manyhot as mh


def more(frame: dict[str, Any], seed: int) -> dict[str, Any]:
    """With a group and a second label."""
    rng, count = np.random.default_rng(seed), len(frame["clicked"])
    bought = [float(rng.random() < 0.4) if clicked else None for clicked in frame["clicked"]]
    return {**frame, "user": rng.integers(0, count // 6, count).tolist(), "bought": bought}


FIELDS = clicks.SCHEMA.fields
GROUPS = mh.Schema(label="clicked", group="user", fields=FIELDS)
TWO_LABELS = mh.Schema(labels=("clicked", "bought"), fields=FIELDS)
TRAIN, VALID = more(clicks.TRAIN, 1), more(clicks.VALID, 2)
EVERYTHING: dict[str, Any] = {
    "averaging": mh.Averaging(decay=0.9),
    "early_stopping": mh.EarlyStopping(metric="auc", patience=3),
    "schedule": mh.Schedule(kind="plateau"),
    "validate_every": 2,
    "clip_norm": 0.5,
    "keep_negatives": 0.8,
    "calibration": "platt",
}


def assert_same_as_without_a_stop(whole: dict[str, Any], folder: Path, numbers: list[int], **options: Any) -> None:
    """Stops at the looks of these numbers, one after the other, then goes on to the end."""
    looks = []
    for number in numbers:
        stopped = stops.outcome(folder, stops.StopAt(number), **options)
        looks += stopped["looks"]
        if "stopped" not in stopped:  # so late it never came
            break
    else:
        stopped = stops.outcome(folder, **options)
        looks += stopped["looks"]
    assert stopped | {"looks": looks} == whole


def test_stopped_at_every_moment(tmp_path):
    """Of a training in which everything has a state; also in the midst of validations and after the last step."""
    counting = stops.StopAt()
    whole = stops.outcome(None, counting, **EVERYTHING)
    assert counting.looks > 20
    for number in range(1, counting.looks + 1):
        assert_same_as_without_a_stop(whole, tmp_path / str(number), [number], **EVERYTHING)


@st.composite
def trainings(draw: st.DrawFn) -> dict[str, Any]:
    """Options of `stops.train`."""
    pick = lambda *values: draw(st.sampled_from(values))  # noqa: E731
    tables = pick("sgd", "adagrad", "rowwise_adagrad", "proximal_adagrad", "ftrl", "adam", "adamw")
    dense = pick("sgd", "adagrad", "adam", "nadam", "radam", "adamax", "rmsprop", "ftrl", "proximal_adagrad")
    no_schedule = "ftrl" in (tables, dense)
    kind = pick("clicks", "groups", "labels")
    options: dict[str, Any] = {
        "schema": {"clicks": clicks.SCHEMA, "groups": GROUPS, "labels": TWO_LABELS}[kind],
        "data": TRAIN,
        "valid": VALID,
        "model": "deepfm" if kind == "labels" else pick(*clicks.MODELS),
        "tables": mh.TableOptimizer(optimizer=tables),
        "dense": mh.DenseOptimizer(optimizer=dense, **({"momentum": 0.9} if dense == "sgd" else {})),
        "averaging": pick(None, mh.Averaging(decay=0.9)),
        "early_stopping": pick(None, mh.EarlyStopping(patience=1), mh.EarlyStopping(metric="auc", patience=3)),
        "validate_every": pick(None, 1, 4, 7),
        "clip_norm": pick(None, 0.5),
        "epochs": pick(2, 3),
    }
    if not no_schedule:
        options["schedule"] = pick(
            None, mh.Schedule(kind="cosine"), mh.Schedule(kind="step", every=3), mh.Schedule(kind="plateau")
        )
    if kind == "groups":
        options["loss"] = mh.Loss(kind="bpr", bpr_weight=0.5)
    elif kind == "clicks":
        options["keep_negatives"] = pick(1.0, 0.6)
        options["calibration"] = pick(None, "platt", "isotonic")
    return options


@settings(max_examples=25, deadline=None, derandomize=True)
@given(options=trainings(), numbers=st.lists(st.integers(1, 20), min_size=1, max_size=3))
def test_stopped_at_some_moments_of_any_training(options, numbers):
    whole = stops.outcome(None, **options)
    with TemporaryDirectory() as folder:
        assert_same_as_without_a_stop(whole, Path(folder), numbers, **options)


@pytest.mark.parametrize("epochs", [1, 2])
def test_from_a_checkpoint_that_was_written_in_the_background(tmp_path, epochs):
    """What follows a fault: the last checkpoint is older than the last step."""

    class Fault(Exception):
        pass

    def fail(report: stops.Report) -> None:
        if report["event"] == "valid" and report["epoch"] == 3:
            raise Fault

    training = mh.TrainingConfig(
        batch_size=64, epochs=4, threads=1, checkpoints=mh.Checkpoints(minutes=100, epochs=epochs)
    )
    common = {"train": clicks.TRAIN, "valid": clicks.VALID, "training": training}
    whole = mh.train(clicks.SCHEMA, clicks.MODELS["deepfm"], **common)
    told: list[str] = []
    with pytest.raises(Fault):
        mh.train(clicks.SCHEMA, clicks.MODELS["deepfm"], **common, checkpoints=tmp_path, listener=fail)
    run = mh.train(
        clicks.SCHEMA, clicks.MODELS["deepfm"], **common, checkpoints=tmp_path, resume=True, on_stage=told.append
    )
    steps = [5, 10] if epochs == 1 else [10]  # the second may be left out while the first is being written
    assert any(f"goes on from step {step} " in text for step in steps for text in told), told
    assert clicks.bits(run) == clicks.bits(whole)


def test_after_an_interrupt_at_the_keyboard(tmp_path):
    """Of who has no Stop: it passes through."""

    def interrupt(report: stops.Report) -> None:
        if report["event"] == "valid" and report["epoch"] == 2:
            raise KeyboardInterrupt

    training = mh.TrainingConfig(batch_size=64, epochs=3, threads=1, checkpoints=stops.OFTEN)
    common = {"train": clicks.TRAIN, "valid": clicks.VALID, "training": training, "checkpoints": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        mh.train(clicks.SCHEMA, clicks.MODELS["fm"], **common, listener=interrupt)
    assert clicks.bits(mh.train(clicks.SCHEMA, clicks.MODELS["fm"], **common, resume=True)) == clicks.bits(
        stops.train(None, model="fm")
    )
