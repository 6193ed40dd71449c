"""NaN, infinity, exploding losses: the batch is named by file and row; training stops or skips; none such is saved."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import clicks
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clicks import MODELS, VALID, bits

import manyhot as mh
from manyhot.errors import ModelFileError, TrainingError
from manyhot.nn import not_finite
from manyhot.schema import SettledTraining
from manyhot.training import _bad_batches

# Weights as they are: those of any other combiner come down to 1.
SCHEMA = mh.Schema(
    label="clicked", fields=tuple(msgspec.structs.replace(f, combiner="sum") for f in clicks.SCHEMA.fields)
)
ROW = 150


def poisoned(rows: tuple[int, ...] = (ROW,)) -> dict[str, Any]:
    """Clicks of which these rows give squares beyond float32."""
    data = copy.deepcopy(clicks.TRAIN)
    for row in rows:
        data["apps"][row], data["minutes"][row] = ["app1", "app2", "app3"], [3e38] * 3
    return data


def train(data: Any, model: str = "deepfm", **options: Any) -> tuple[mh.Run, list[dict[str, Any]]]:
    reports: list[dict[str, Any]] = []
    given = {"cache": options.pop("cache", None), "bad_rows": options.pop("bad_rows", None)}
    training = msgspec.structs.replace(mh.TrainingConfig(batch_size=64, epochs=2, threads=1), **options)
    run = mh.train(SCHEMA, MODELS[model], train=data, valid=VALID, training=training, listener=reports.append, **given)
    return run, [report for report in reports if report["event"] == "skipped"]


def sentence(data: Any, model: str = "deepfm", **options: Any) -> str:
    with pytest.raises(TrainingError) as caught:
        train(data, model, **options)
    return str(caught.value)


@pytest.mark.parametrize("model", ["fm", "deepfm"])
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_the_row_is_named_and_training_stops(model: str, clip_norm: float | None) -> None:
    said = sentence(poisoned(), model, clip_norm=clip_norm)
    assert said.startswith("the loss became ")
    assert (
        f"by a batch of 64 rows of which 1 score NaN or infinity: the data frame, row {ROW + 1}; no model was" in said
    )


def test_the_row_is_named_as_it_stands_in_its_file(tmp_path: Path) -> None:
    """Behind rows that are bad, and rows out of another file; from the cache as well."""
    table = pa.table(poisoned())
    labels = table["clicked"].to_pylist()
    labels[3] = labels[120] = 7  # bad rows
    table = table.set_column(table.schema.get_field_index("clicked"), "clicked", pa.array(labels))
    pq.write_table(table.slice(0, 100), tmp_path / "a.parquet")
    pq.write_table(table.slice(100), tmp_path / "b.parquet")
    for _ in range(2):
        said = sentence(str(tmp_path / "*.parquet"), cache=tmp_path / "cache", bad_rows=mh.BadRows(max_rows=5))
        assert f": {tmp_path / 'b.parquet'}, row {ROW - 100 + 1}; " in said


def test_lines_of_text_files_are_named(tmp_path: Path) -> None:
    data = poisoned()
    rows = [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
    schema = msgspec.structs.replace(
        SCHEMA, fields=tuple(msgspec.structs.replace(f, weights=None) if f.weights else f for f in SCHEMA.fields)
    )
    for row in rows:
        row["apps"] = list(zip(row["apps"], row.pop("minutes"), strict=True))
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    with pytest.raises(TrainingError, match=rf"t\.jsonl:{2 * ROW + 1}; "):
        mh.train(schema, MODELS["fm"], train=tmp_path / "t.jsonl", training=mh.TrainingConfig(batch_size=64, epochs=1))


def test_prepared_rows_are_named_by_their_number(tmp_path: Path) -> None:
    pq.write_table(pa.table(poisoned()), tmp_path / "a.parquet")
    from manyhot.data import open_source, prepare

    prepare(SCHEMA, {"train": open_source(tmp_path / "a.parquet")}, tmp_path / "prepared")
    with pytest.raises(TrainingError, match=rf"row {ROW + 1} of all, out of {tmp_path}/a.parquet; "):
        mh.train(SCHEMA, MODELS["fm"], prepared=tmp_path / "prepared", training=mh.TrainingConfig(epochs=1))


def exploding() -> dict[str, Any]:
    """Clicks of which one row gives logits that are finite, and too large."""
    data = copy.deepcopy(clicks.TRAIN)
    data["apps"][ROW], data["minutes"][ROW], data["clicked"][ROW] = ["app1", "app2"], [1e9, -1e9], 1
    return data


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_a_loss_that_explodes_names_the_row_and_training_stops(model: str) -> None:
    said = sentence(exploding(), model, epochs=3)
    assert said.startswith("the loss exploded to ")
    assert ", beyond " in said and f": the data frame, row {ROW + 1}; no model was saved" in said
    assert "rows of which 1 score beyond " in said


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_a_loss_that_explodes_is_skipped_or_borne(model: str) -> None:
    run, skipped = train(exploding(), model, epochs=3, non_finite="skip")
    assert skipped and skipped[0]["what"].startswith("the loss exploded to ")
    assert skipped[0]["rows"] == [f"the data frame, row {ROW + 1}"]
    assert max(abs(array).max() for array in clicks.weights(run).values()) < 100
    train(exploding(), model, exploding_loss=math.inf)


def test_what_a_loss_is_measured_by() -> None:
    """The lowest running mean so far, however it grows after that; at least 1 for all that an example may count."""
    nothing: Any = None

    def largest(means: list[float], num_labels: int = 0, **options: Any) -> float:
        judge, again = (
            _bad_batches.BadBatches(SettledTraining(**options), num_labels, nothing, nothing, nothing) for _ in range(2)
        )
        for mean in means:
            judge.passed(mean)
        again.load_state(*judge.state())
        assert again.largest_loss == judge.largest_loss
        return judge.largest_loss

    assert largest([]) == math.inf
    assert largest([0.7, 0.1]) == 1000
    assert largest([50.0, 20.0, 900.0]) == 20_000
    assert largest([0.7], exploding_loss=10.0) == 10
    assert largest([0.7], loss=mh.Loss(positive_weight=50.0)) == 50_000
    assert largest([0.7], num_labels=3, label_weights={"buy": 4.0}) == 6000
    assert largest([0.7], exploding_loss=math.inf) == math.inf


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_skipping_learns_nothing_from_the_batch(model: str) -> None:
    """All numbers stay finite, those of batch norm and the averages too."""
    run, skipped = train(poisoned(), model, non_finite="skip", averaging=mh.Averaging())
    assert len(skipped) == run.metrics["skipped"] == 2
    assert skipped[0]["rows"] == [f"the data frame, row {ROW + 1}"]
    assert skipped[1]["rows"] == [f"row {ROW + 1} of train"]
    assert not_finite(clicks.weights(run)) is None


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_skipping_without_need_changes_no_bit(model: str) -> None:
    skipping, skipped = train(clicks.TRAIN, model, non_finite="skip", averaging=mh.Averaging())
    assert not skipped and "skipped" not in skipping.metrics
    assert bits(skipping) == bits(train(clicks.TRAIN, model, averaging=mh.Averaging())[0])


def test_too_much_is_not_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    every = tuple(range(0, 300, 2))
    said = sentence(poisoned(every), non_finite="skip", batch_size=8)
    assert "at step 11, after 10 such batches were skipped, by a batch of 8 rows" in said
    monkeypatch.setattr(_bad_batches, "MOST_IN_A_ROW", 1000)
    said = sentence(poisoned((7,)), non_finite="skip", batch_size=64, epochs=30)
    assert "after 10 such batches were skipped" in said


@pytest.mark.parametrize("options", [{"non_finite": "skip"}, {"clip_norm": 1.0}])
def test_gradients_are_looked_at_before_anything_moves(options: dict[str, Any]) -> None:
    """Of a finite loss: the weights start at 0, and gradients of one row add up beyond float32."""
    data = copy.deepcopy(clicks.TRAIN)
    data["apps"][ROW], data["minutes"][ROW] = ["app1"] * 4000, [3e38] * 4000
    if "clip_norm" in options:
        assert sentence(data, "lr", batch_size=300, **options).startswith("the gradients became NaN or infinite at ")
        return
    run, skipped = train(data, "lr", batch_size=300, epochs=1, **options)
    assert [report["what"] for report in skipped] == ["the gradients became NaN or infinite"]
    assert not run.saved.network.tables.linear("app").any()


def test_rows_of_valid_are_named_too() -> None:
    valid = copy.deepcopy(clicks.VALID)
    valid["apps"][7], valid["minutes"][7] = ["app1", "app2"], [3e38, 3e38]
    with pytest.raises(TrainingError) as caught:
        mh.train(SCHEMA, MODELS["fm"], train=clicks.TRAIN, valid=valid, training=mh.TrainingConfig(epochs=1))
    assert f"1 of {len(valid['clicked'])} rows NaN or infinity: row 8 of all" in str(caught.value)


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    run, _ = train(clicks.TRAIN)
    network = run.saved.network
    network.tables.latent("app")[3, 1] = np.nan
    with pytest.raises(ModelFileError, match=r"m\.model: table\.app\.latent\[3, 1\] is nan, and no model file holds"):
        run.save(tmp_path / "m.model")
    network.tables.latent("app")[3, 1] = 0
    next(network.parameters()).data.view(-1)[0] = math.inf
    with pytest.raises(ModelFileError, match=r"dense\.[^ ]+ is inf"):
        run.save(tmp_path / "m.model")
    assert not list(tmp_path.iterdir())


def test_a_training_that_ends_with_nan_in_rows_nobody_scored_gives_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from manyhot.training import _run

    trained = _run.fit_model

    def spoiled(network: Any, *arguments: Any) -> Any:
        clock = trained(network, *arguments)
        network.tables.linear("app")[0] = math.inf  # OOV, which no row here has
        return clock

    monkeypatch.setattr(_run, "fit_model", spoiled)
    said = sentence(clicks.TRAIN)
    assert said.startswith("after step 10 table app: linear[0] is inf; no model was saved")


def test_the_first_number_is_named() -> None:
    array = np.zeros((700_000, 2), np.float32)
    assert not_finite({"a": array, "b": np.array([1, 2]), "c": np.zeros(0), "d": np.float32(1).reshape(())}) is None
    array[600_000, 1] = -math.inf
    assert not_finite({"a": array}) == "a[600000, 1] is -inf"
    assert not_finite({"a": np.full((), math.nan)}) == "a is nan"
