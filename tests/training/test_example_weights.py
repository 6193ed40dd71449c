"""Example weights in the loss: 1 is no weight, 2 is two rows, 0 is no row; whatever their scale."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from clicks import MODELS, SCHEMA, TRAIN, VALID, bits, train, weights

import manyhot as mh
from manyhot.data import Encoder, Examples, Loader, TableLayout, open_source
from manyhot.kernels import select
from manyhot.nn import batch_loss, build_model
from manyhot.schema import SettledTraining
from manyhot.training import Learner

WEIGHTED = msgspec.structs.replace(SCHEMA, example_weights="weight")


def weighted(data: dict[str, list], values: object) -> dict[str, list]:
    return {**data, "weight": np.broadcast_to(np.asarray(values, np.float64), len(data["clicked"])).tolist()}


def repeated(data: dict[str, list], times: list[int]) -> dict[str, list]:
    return {
        name: [value for value, n in zip(column, times, strict=True) for _ in range(n)] for name, column in data.items()
    }


@pytest.mark.parametrize("model", ["lr", "deepfm"])
@pytest.mark.parametrize("kernels", ["native", "reference"])
def test_weights_of_1_change_no_bit(model: str, kernels: str) -> None:
    plain, reports = train(model, kernels=kernels, epochs=1)
    ones, weighted_reports = train(
        model, data=weighted(TRAIN, 1), valid=weighted(VALID, 1), schema=WEIGHTED, kernels=kernels, epochs=1
    )
    assert bits(ones) == bits(plain)
    for ours, theirs in zip(weighted_reports, reports, strict=True):
        assert {k: ours[k] for k in ("loss", "auc", "log_loss")} == {k: theirs[k] for k in ("loss", "auc", "log_loss")}
    assert ones.metrics["valid"] == plain.metrics["valid"]


@pytest.mark.parametrize("scale", [2.0, 2.0**-100, 2.0**100])
def test_the_scale_of_weights_is_nothing(scale: float) -> None:
    values = np.random.default_rng(0).uniform(0.5, 2, len(TRAIN["clicked"])).astype(np.float32)
    one, _ = train("fm", data=weighted(TRAIN, values), valid=weighted(VALID, 1), schema=WEIGHTED, epochs=1)
    other, _ = train(
        "fm", data=weighted(TRAIN, values * scale), valid=weighted(VALID, scale), schema=WEIGHTED, epochs=1
    )
    assert bits(one) == bits(other)
    assert one.metrics["valid"] == other.metrics["valid"]


def one_step(encoder: Encoder, data: dict[str, list], kernels: str, model: mh.ModelConfig) -> dict[str, np.ndarray]:
    """How much each weight moves in one step of plain gradient descent over all rows."""
    examples = Examples(encoder.encode(open_source(data), with_labels=True), len(encoder.schema.fields))
    config = SettledTraining(
        tables=mh.TableOptimizer(optimizer="sgd", learning_rate=1.0),
        dense=mh.DenseOptimizer(optimizer="sgd", learning_rate=1.0),
        precision="float32",
    )
    network = build_model(model, TableLayout.of(encoder), select(kernels), optimizer=config.tables, seed=3)
    before = {"tables": network.tables.weights(), **{k: v.numpy().copy() for k, v in network.state_dict().items()}}
    (batch,) = Loader(examples, network.tables.layout, select(kernels), examples.num_rows, with_plan=True).epoch()
    assert Learner(network, config).learn(batch) is not None
    after = {"tables": network.tables.weights(), **{k: v.numpy() for k, v in network.state_dict().items()}}
    return {name: after[name] - before[name] for name in before}


@pytest.mark.parametrize("kernels", ["native", "reference"])
@pytest.mark.parametrize("model", [mh.LR(), mh.DeepFM(embedding_dim=4, hidden_units=(8,), embedding_scale=0.3)])
def test_the_gradient_of_whole_weights_is_that_of_rows_repeated(model: mh.ModelConfig, kernels: str) -> None:
    times = np.random.default_rng(1).integers(0, 4, len(TRAIN["clicked"])).tolist()
    encoder, weighted_encoder = (Encoder.fit(schema, open_source(weighted(TRAIN, 1))) for schema in (SCHEMA, WEIGHTED))
    rows = one_step(encoder, repeated(TRAIN, times), kernels, model)
    found = one_step(weighted_encoder, weighted(TRAIN, times), kernels, model)
    for name, step in rows.items():
        np.testing.assert_allclose(found[name], step, rtol=1e-4, atol=2e-7, err_msg=name)
    assert max(np.abs(step).max() for step in rows.values()) > 1e-3
    assert any(np.abs(found[k] - s).max() > 1e-4 for k, s in one_step(encoder, TRAIN, kernels, model).items())


def test_rows_of_weight_0_are_no_rows() -> None:
    times = np.random.default_rng(2).integers(0, 2, len(TRAIN["clicked"])).tolist()
    found, _ = train("deepfm", data=weighted(TRAIN, times), valid=weighted(VALID, 1), schema=WEIGHTED)
    expected, _ = train("deepfm", data=repeated(TRAIN, times))
    assert bits(found) == bits(expected)
    assert found.metrics["valid"] == expected.metrics["valid"]


def test_valid_and_test_are_judged_by_their_weights() -> None:
    times = np.random.default_rng(3).integers(0, 3, len(VALID["clicked"])).tolist()
    run = mh.train(
        WEIGHTED, MODELS["fm"], train=weighted(TRAIN, 1), valid=weighted(VALID, times), test=weighted(VALID, 2),
        training=mh.TrainingConfig(batch_size=64, epochs=1),
    )  # fmt: skip
    plain = mh.train(
        SCHEMA, MODELS["fm"], train=TRAIN, valid=repeated(VALID, times), test=VALID,
        training=mh.TrainingConfig(batch_size=64, epochs=1),
    )  # fmt: skip
    for name in ("valid", "test"):
        assert run.metrics[name] == pytest.approx(plain.metrics[name], rel=1e-9)
    assert run.metrics["valid"]["auc"] != run.metrics["test"]["auc"]


def test_a_batch_that_weighs_nothing_moves_nothing() -> None:
    """Only without the filter of `train`, which leaves such rows out."""
    encoder = Encoder.fit(WEIGHTED, open_source(weighted(TRAIN, 1)))
    examples = Examples(encoder.encode(open_source(weighted(TRAIN, 0)), with_labels=True), 4)
    network = build_model(MODELS["deepfm"], TableLayout.of(encoder), select("native"), optimizer=mh.TableOptimizer())
    before = network.tables.data.copy(), [p.detach().clone() for p in network.parameters()]
    learner = Learner(network, SettledTraining())
    for batch in Loader(examples, network.tables.layout, select("native"), 100, with_plan=True).epoch():
        assert learner.learn(batch) is None
    np.testing.assert_array_equal(network.tables.data, before[0])
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before[1], strict=True))


def test_the_loss_is_the_weighted_mean() -> None:
    encoder = Encoder.fit(WEIGHTED, open_source(weighted(TRAIN, 1)))
    values = np.random.default_rng(4).uniform(0, 3, len(TRAIN["clicked"])).astype(np.float32)
    examples = Examples(encoder.encode(open_source(weighted(TRAIN, values)), with_labels=True), 4)
    layout = TableLayout.of(encoder)
    (batch,) = Loader(examples, layout, select("native"), examples.num_rows).epoch()
    logits = np.random.default_rng(5).normal(size=examples.num_rows).astype(np.float32)
    each = np.logaddexp(0, logits.astype(np.float64)) - batch.labels * logits
    expected = (values * each).sum() / values.sum(dtype=np.float64)
    assert batch_loss(torch.from_numpy(logits), batch).item() == pytest.approx(expected, rel=1e-6)


def test_training_by_a_weight_learns_what_the_weight_favours() -> None:
    """All rows of weight, but those of one label ten times as much: probabilities rise as odds do."""
    heavy = [10.0 if y else 1.0 for y in TRAIN["clicked"]]
    run, _ = train("lr", data=weighted(TRAIN, heavy), valid=weighted(VALID, 1), schema=WEIGHTED, epochs=40)
    plain, _ = train("lr", epochs=40)
    odds = [np.mean(p / (1 - p)) for p in (r.saved.probabilities(open_source(VALID)) for r in (run, plain))]
    assert 5 < odds[0] / odds[1] < 20
    assert not all(np.array_equal(a, b) for a, b in zip(weights(run).values(), weights(plain).values(), strict=True))
