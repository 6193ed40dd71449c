"""Training: it learns, validates when told, stops early on the best weights, and says when it cannot go on."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from clicks import MODELS, SCHEMA, TRAIN, VALID, bits, frame, train

import manyhot as mh
from manyhot.kernels import has_bfloat16

FAST = mh.TableOptimizer(learning_rate=0.5)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_learns_and_reports_the_metrics_of_its_weights(model):
    run, reports = train(model, epochs=4, tables=mh.TableOptimizer(learning_rate=0.1))
    assert run.metrics["valid"]["auc"] > 0.6
    assert {key: reports[-1][key] for key in run.metrics["valid"]} == run.metrics["valid"]
    assert run.metrics["examples"] == 4 * len(TRAIN["clicked"])
    network = run.saved.network
    dense = sum(parameter.numel() for parameter in network.parameters())
    assert run.num_parameters == network.tables.weights().size + dense


@pytest.mark.parametrize(("metric", "best_of"), [("auc", max), ("log_loss", min)])
@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_early_stopping_ends_on_the_best_weights(model, metric, best_of):
    stopping = mh.EarlyStopping(metric=metric, patience=3)
    run, reports = train(model, epochs=60, early_stopping=stopping, tables=FAST)
    values = [report[metric] for report in reports]
    best = best_of(values)
    assert len(values) < 60
    assert values.index(best) == len(values) - 1 - 3  # patience counts validations since the first best
    assert run.metrics["valid"][metric] == best
    shorter, _ = train(model, epochs=values.index(best) + 1, tables=FAST)
    assert bits(run, states=False) == bits(shorter, states=False)


def test_without_early_stopping_the_last_weights_are_kept():
    run, reports = train("deepfm", epochs=20, tables=FAST)
    assert len(reports) == 20
    assert run.metrics["valid"]["log_loss"] == reports[-1]["log_loss"] > min(r["log_loss"] for r in reports)


def test_early_stopping_needs_rows_to_look_at():
    with pytest.raises(mh.ConfigError, match="valid"):
        train("lr", valid=None, early_stopping=mh.EarlyStopping())


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (None, [(1, 5), (2, 10), (3, 15)]),
        (1, [(1 + (step - 1) // 5, step) for step in range(1, 16)]),
        (4, [(1, 4), (2, 8), (3, 12), (3, 15)]),
        (5, [(1, 5), (2, 10), (3, 15)]),
        (16, [(3, 15)]),
    ],
)
def test_validations_come_at_the_steps_asked_for(every, expected):
    _, reports = train("lr", epochs=3, validate_every=every)  # 300 examples in batches of 64: 5 steps an epoch
    assert [(report["epoch"], report["step"]) for report in reports] == expected


def test_validating_more_often_trains_the_same_weights():
    assert bits(train("deepfm", validate_every=1)[0]) == bits(train("deepfm", valid=None)[0])


@pytest.mark.parametrize("part", ["tables", "dense"])
@pytest.mark.parametrize("kernels", ["native", "reference"])
def test_a_loss_that_is_not_finite_stops_the_training(part, kernels):
    wild = {"tables": mh.TableOptimizer, "dense": mh.DenseOptimizer}[part](optimizer="sgd", learning_rate=1e30)
    with pytest.raises(mh.TrainingError, match="learning rates"):
        train("deepfm", kernels=kernels, epochs=20, **{part: wild})


@pytest.mark.parametrize("valid", [None, VALID], ids=["no valid", "valid"])
def test_a_model_that_the_last_step_ruined_is_not_a_result(valid):
    """The loss is looked at before a step. Here there is one step only, and the model scores NaN after it."""
    wild = mh.TableOptimizer(optimizer="sgd", learning_rate=3e38)
    with np.errstate(all="ignore"), pytest.raises(mh.TrainingError):
        train("fm", valid=valid, batch_size=1000, epochs=1, tables=wild)


def test_one_class_in_valid_is_undefined_and_early_stopping_on_auc_says_so():
    ones = {**VALID, "clicked": [1] * len(VALID["clicked"])}
    run, _ = train("lr", valid=ones)
    assert run.metrics["valid"]["auc"] is None
    assert run.metrics["valid"]["log_loss"] > 0
    with pytest.raises(mh.TrainingError, match="one class"):
        train("lr", valid=ones, early_stopping=mh.EarlyStopping(metric="auc"))
    _, reports = train("lr", valid=ones, early_stopping=mh.EarlyStopping(metric="log_loss"))
    assert reports


def test_the_articles_preset_is_its_parts_spelled_out():
    """As many clicks as not: the start at the base rate, which the article has not, is a bias of 0."""
    article = mh.DeepFM(preset="article", embedding_dim=4, hidden_units=(8,))
    run, _ = train(article, data=half_clicked(frame(1, 600)))
    assert [f.combiner for f in run.saved.encoder.schema.fields] == ["sum", "sum", "mean", "sum"]
    assert run.saved.network.tables.layout.combiners.tolist() == [0, 0, 1, 0]
    assert train("fm")[0].saved.network.tables.layout.combiners.tolist() == [2, 2, 1, 0]  # the library's default
    fields = tuple(msgspec.structs.replace(field, combiner=field.combiner or "sum") for field in SCHEMA.fields)
    spelled = mh.DeepFM(embedding_dim=4, hidden_units=(8,), pairs="features", head_biases=True, layer_order="article")
    summed, adagrad = mh.Schema(label="clicked", fields=fields), mh.TableOptimizer(optimizer="adagrad")
    alike, _ = train(spelled, data=half_clicked(frame(1, 600)), schema=summed, tables=adagrad)
    assert bits(alike) == bits(run)


def half_clicked(columns):
    """The first 120 rows with a click and the first 120 without."""
    clicked = np.array(columns["clicked"])
    kept = np.sort(np.concatenate([np.flatnonzero(clicked == label)[:120] for label in (0, 1)]))
    return {name: [column[i] for i in kept] for name, column in columns.items()}


def test_test_rows_are_measured_and_not_learned_from():
    test = frame(3, 100)
    training = mh.TrainingConfig(batch_size=64, epochs=1)
    run = mh.train(SCHEMA, MODELS["fm"], train=TRAIN, test=test, training=training)
    assert set(run.metrics) == {"test", "examples", "seconds", "examples_per_second"}
    alone = mh.train(SCHEMA, MODELS["fm"], train=TRAIN, training=training)
    assert bits(alone) == bits(run)


@pytest.mark.parametrize("num_rows", [16, 17, 18])
def test_batch_norm_trains_on_any_number_of_rows(num_rows):
    rows = {"y": ([0, 1] * 9)[:num_rows], "a": ["x", "z"] * (num_rows // 2) + ["x"] * (num_rows % 2)}
    schema, model = mh.Schema(label="y", fields=[mh.Field("a")]), mh.DeepFM(hidden_units=(4,), batch_norm=True)
    run = mh.train(schema, model, train=rows, training=mh.TrainingConfig(batch_size=8, epochs=1))
    assert run.metrics["examples"] == num_rows
    with pytest.raises(mh.ConfigError, match="at least two examples"):
        mh.train(schema, model, train=rows, training=mh.TrainingConfig(batch_size=1))


def test_the_last_steps_are_looked_at_too():
    run, reports = train("lr", validate_every=1000, early_stopping=mh.EarlyStopping())
    looks = [r["auc"] for r in reports if r["event"] == "valid"]
    assert looks == [run.metrics["valid"]["auc"]]
    with pytest.raises(mh.ConfigError, match="validate_every"):
        train("lr", valid=None, validate_every=3)


@pytest.mark.parametrize(
    ("precision", "large", "expected"),
    [
        ("float32", True, {"float32"}),
        ("bfloat16", False, {"bfloat16"}),
        ("auto", False, {"float32"}),  # a few thousand multiplications are not worth it
        ("auto", True, {"bfloat16" if has_bfloat16() else "float32"}),
    ],
)
def test_the_summary_says_in_which_precision_the_dense_part_was_trained(precision, large, expected):
    """Large: 128 examples times more than a million weights."""
    model = mh.DeepFM(embedding_dim=4, hidden_units=(1024, 1024) if large else (8,))
    run, _ = train(model, precision=precision, batch_size=128, epochs=1)
    assert {run.saved.summary["precision"]} == expected


def test_bfloat16_learns_as_much_and_differs():
    """Weights are others to the last bit; what is learned is not."""
    model = mh.DeepFM(embedding_dim=4, hidden_units=(16, 8))
    single, half = (train(model, precision=precision)[0] for precision in ("float32", "bfloat16"))
    assert bits(single) != bits(half)
    assert half.metrics["valid"]["auc"] == pytest.approx(single.metrics["valid"]["auc"], abs=0.02)
    assert bits(train(model, precision="bfloat16")[0]) == bits(half)


def test_more_fields_than_a_file_can_name_are_refused_before_rows_are_read():
    app = mh.Vocabulary("app")
    for num, fits in ((4000, True), (12_000, False)):
        schema = mh.Schema(label="clicked", fields=tuple(mh.Field(f"column {i}", app) for i in range(num)))
        with pytest.raises(mh.ManyhotError) as caught:
            mh.train(schema, mh.LR(), train="absent.parquet")
        assert ("absent.parquet" in str(caught.value)) == fits
        assert ("12,000 fields" in str(caught.value)) == (not fits)
