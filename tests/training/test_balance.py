"""Training with other losses and with fewer negatives: probabilities stay those of the data, orders are learned."""

from __future__ import annotations

import math
from typing import Any

import clicks
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from clicks import SCHEMA, TRAIN, VALID, bits, train, weights

import manyhot as mh
from manyhot.data import Encoder, Examples, Loader, TableLayout, open_source
from manyhot.kernels import select
from manyhot.nn import build_model
from manyhot.schema import SettledTraining
from manyhot.training import Learner

GROUPED = msgspec.structs.replace(SCHEMA, group="user")
BPR = mh.Loss(kind="bpr", bpr_weight=1.0)


def with_users(data: dict[str, Any], seed: int) -> dict[str, Any]:
    """Users of about ten rows each; some rows have none."""
    size = len(data["clicked"])
    users = np.random.default_rng(seed).integers(0, size // 10, size).tolist()
    return {**data, "user": [None if user == 0 else user for user in users]}


@pytest.fixture(scope="module")
def rare() -> pa.Table:
    """200,000 rows of two fields; a tenth are clicked, from 1 % to 40 % by token."""
    rng = np.random.default_rng(1)
    ad, place = rng.integers(0, 40, 200_000), rng.integers(0, 5, 200_000)
    logits = rng.normal(-2.6, 0.8, 40)[ad] + rng.normal(0, 0.4, 5)[place]
    clicked = rng.random(200_000) < 1 / (1 + np.exp(-logits))
    return pa.table({"ad": ad, "place": place, "clicked": clicked})


def mean_of(rare: pa.Table, **options: Any) -> tuple[float, mh.Run]:
    """Mean probability on the rows over the rate of clicks."""
    schema = mh.Schema(label="clicked", fields=(mh.Field("ad"), mh.Field("place")))
    rates = {
        "tables": mh.TableOptimizer(optimizer="adagrad", learning_rate=0.2),
        "dense": mh.DenseOptimizer(learning_rate=0.01),
    }
    training = mh.TrainingConfig(batch_size=1024, threads=1, **rates, **options)
    run = mh.train(schema, mh.LR(), train=rare, training=training, listener=lambda report: None)
    rate = np.asarray(rare["clicked"]).mean()
    assert 0.05 < rate < 0.2
    return float(run.saved.probabilities(open_source(rare)).mean() / rate), run


def test_a_tenth_of_the_negatives_gives_the_probabilities_of_all(rare: pa.Table) -> None:
    ratio, run = mean_of(rare, keep_negatives=0.1, epochs=6)
    assert ratio == pytest.approx(1, abs=0.02)
    labels = np.asarray(rare["clicked"])
    expected = labels.sum() + 0.1 * (~labels).sum()
    assert run.metrics["examples"] / 6 == pytest.approx(expected, rel=0.01)  # what was really trained on
    ads, probabilities = np.asarray(rare["ad"]), run.saved.probabilities(open_source(rare))
    rates = {ad: labels[ads == ad].mean() for ad in range(40)}
    for ad, rate in rates.items():
        if rate > 0.08:  # of an ad that is often clicked, too
            assert probabilities[ads == ad].mean() == pytest.approx(rate, rel=0.1)
    assert sum(rate > 0.08 for rate in rates.values()) > 10


@pytest.mark.parametrize("model", ["lr", "deepfm"])
def test_with_fewer_negatives_the_mean_probability_of_valid_is_its_rate(model: str) -> None:
    """Platt's targets: as if there were a positive and a negative more."""
    run, _ = train(model, data=clicks.frame(1, 2000), keep_negatives=0.1, epochs=8)
    targets = np.where(VALID["clicked"], *platt(sum(VALID["clicked"]), len(VALID["clicked"])))
    assert run.saved.probabilities(open_source(VALID)).mean() == pytest.approx(targets.mean(), rel=1e-6)


def test_a_loss_that_is_not_of_log_odds_leaves_the_bias() -> None:
    """Of two runs with the same steps only the one of bce ends elsewhere than its last step."""
    biases = []
    for smoothing in (0.0, 1e-12):
        run, _ = train("lr", keep_negatives=0.5, loss=mh.Loss(label_smoothing=smoothing))
        biases.append(run.saved.network.bias.item())
    assert abs(biases[0] - biases[1]) > 1e-3


def platt(num_positives: int, num_rows: int) -> tuple[float, float]:
    return (num_positives + 1) / (num_positives + 2), 1 / (num_rows - num_positives + 2)


@pytest.mark.parametrize(("calibrated", "low", "high"), [(True, 0.98, 1.02), (False, 2.5, 5.0)])
def test_a_positive_weight_moves_probabilities_only_where_it_is_told_to(
    rare: pa.Table, calibrated: bool, low: float, high: float
) -> None:
    ratio, _ = mean_of(rare, loss=mh.Loss(positive_weight=8.0, calibrated=calibrated), epochs=2)
    assert low < ratio < high


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_the_loss_of_one_step_is_what_moves_the_weights(model: str) -> None:
    """By hand (fm) and by autograd (deepfm, with dropout): a positive weight that is not calibrated does what example
    weights do, but for their mean."""
    heavy = {**TRAIN, "weight": [4.0 if y else 1.0 for y in TRAIN["clicked"]]}
    weighted = msgspec.structs.replace(SCHEMA, example_weights="weight")
    config = msgspec.structs.replace(clicks.MODELS[model], dropout=0.0, batch_norm=False)
    plain, scale = (
        one_step(SCHEMA, TRAIN, config, mh.Loss(positive_weight=4.0, calibrated=False)),
        np.mean(heavy["weight"]),
    )
    for name, step in one_step(weighted, heavy, config, mh.Loss()).items():
        np.testing.assert_allclose(plain[name], step * scale, rtol=1e-4, atol=1e-6, err_msg=name)


def one_step(schema: mh.Schema, data: dict[str, Any], model: mh.ModelConfig, loss: mh.Loss) -> dict[str, np.ndarray]:
    """How much each weight moves in one step of plain gradient descent over all rows."""
    encoder = Encoder.fit(schema, open_source(data))
    examples = Examples(encoder.encode(open_source(data), with_labels=True), len(schema.fields))
    config = SettledTraining(
        tables=mh.TableOptimizer(optimizer="sgd", learning_rate=1.0),
        dense=mh.DenseOptimizer(optimizer="sgd", learning_rate=1.0),
        precision="float32",
        loss=loss,
    )
    network = build_model(model, TableLayout.of(encoder), select("native"), optimizer=config.tables, seed=3)
    before = {"tables": network.tables.weights(), **{k: v.numpy().copy() for k, v in network.state_dict().items()}}
    (batch,) = Loader(examples, network.tables.layout, select("native"), examples.num_rows, with_plan=True).epoch()
    assert Learner(network, config).learn(batch) is not None
    after = {"tables": network.tables.weights(), **{k: v.numpy() for k, v in network.state_dict().items()}}
    return {name: after[name] - before[name] for name in before}


@pytest.mark.parametrize("loss", [mh.Loss(kind="focal"), BPR, mh.Loss(kind="bpr")], ids=["focal", "bpr", "bpr and bce"])
def test_every_loss_learns_an_order_and_the_same_for_any_threads_and_kernels(loss: mh.Loss) -> None:
    options: dict[str, Any] = {
        "data": with_users(clicks.frame(1, 1000), 1),
        "valid": with_users(VALID, 2),
        "schema": GROUPED,
        "loss": loss,
        "epochs": 6,
        "keep_negatives": 0.8,
        "tables": mh.TableOptimizer(learning_rate=0.3),
        "dense": mh.DenseOptimizer(optimizer="adagrad"),  # Adam would follow the rounding of a bias that pairs ignore
    }
    run, _ = train("fm", threads=1, **options)
    assert run.metrics["valid"]["gauc"] > 0.6
    other, _ = train("fm", threads=2, **options)
    assert bits(run) == bits(other)
    reference, _ = train("fm", kernels="reference", **options)
    for name, found in weights(reference).items():
        np.testing.assert_allclose(weights(run)[name], found, rtol=1e-3, atol=1e-4, err_msg=name)


def test_order_alone_knows_no_rate_and_a_mix_with_cross_entropy_does() -> None:
    """From the article's start, which is a bias of 0; any other model starts at the rate."""
    found = {}
    for share in (1.0, 0.5):
        data, valid = with_users(clicks.frame(1, 2000), 1), with_users(VALID, 2)
        loss = mh.Loss(kind="bpr", bpr_weight=share)
        article = mh.LR(preset="article")
        run, _ = train(article, data=data, valid=valid, schema=GROUPED, loss=loss, epochs=10)
        found[share] = run.saved.probabilities(open_source(data)).mean() / np.mean(data["clicked"])
    assert abs(math.log(found[0.5])) < 0.05 < abs(math.log(found[1.0]))


def test_a_batch_without_a_pair_moves_nothing_where_pairs_are_all_that_counts() -> None:
    alone = {**TRAIN, "user": list(range(1, len(TRAIN["clicked"]) + 1))}
    run, _ = train("fm", data=alone, valid=None, schema=GROUPED, loss=BPR)
    fresh = build_model(
        clicks.MODELS["fm"], TableLayout.of(run.saved.encoder), select("native"), optimizer=mh.TableOptimizer(), seed=1
    )
    assert np.array_equal(run.saved.network.tables.weights(), fresh.tables.weights())


def test_what_a_loss_or_a_draw_needs() -> None:
    with pytest.raises(mh.ConfigError, match="the group"):
        train("fm", loss=BPR)
    rows = {**TRAIN, "clicked": [1] + [0] * (len(TRAIN["clicked"]) - 1)}
    with pytest.raises(mh.ConfigError, match="at least two positives"):
        train("fm", data=rows, keep_negatives=0.5)


def test_reports_count_the_rows_that_are_trained_on() -> None:
    reports: list[dict[str, Any]] = []
    training = mh.TrainingConfig(batch_size=64, epochs=2, keep_negatives=0.5)
    run = mh.train(SCHEMA, mh.LR(), train=TRAIN, training=training, listener=reports.append)
    positives = sum(TRAIN["clicked"])
    assert reports[0]["examples"] == positives + round(0.5 * (len(TRAIN["clicked"]) - positives))
    assert 2 * positives < run.metrics["examples"] < 2 * len(TRAIN["clicked"])
