"""Training starts at the rate of each label: a model whose terms are still 0 gives exactly that."""

from __future__ import annotations

import math
from typing import Any

import clicks
import msgspec
import numpy as np
import pytest
from clicks import TRAIN, train

import manyhot as mh
from manyhot.data import Encoder, Examples, TableLayout, open_source
from manyhot.kernels import select
from manyhot.nn import Model, build_model, predict_logits
from manyhot.training._base_rates import start_at_base_rates

WEIGHTED = msgspec.structs.replace(clicks.SCHEMA, example_weights="weight")
BOTH = mh.Schema(labels=("clicked", "bought"), fields=clicks.SCHEMA.fields)
NUM_ROWS, NUM_CLICKS = len(TRAIN["clicked"]), sum(TRAIN["clicked"])


def started(schema: mh.Schema, data: dict[str, Any], model: mh.ModelConfig) -> tuple[Model, Examples]:
    """The fresh model, told the rows."""
    encoder = Encoder.fit(schema, open_source(data))
    examples = Examples(encoder.encode(open_source(data), with_labels=True), len(schema.fields))
    layout, num_labels = TableLayout.of(encoder), len(schema.labels)
    network = build_model(model, layout, select("native"), num_labels=num_labels, seed=1)
    start_at_base_rates(network, examples)
    return network, examples


def first_rates(network: Model, examples: Examples) -> np.ndarray:
    """The probabilities that LR, which has no weights yet, starts from: float64 [T], the same on every row."""
    rates_NT = sigmoid(predict_logits(network, examples).reshape(examples.num_rows, -1))
    assert (rates_NT == rates_NT[0]).all()
    return rates_NT[0]


def biases(network: Model) -> np.ndarray:
    return network.bias.detach().double().numpy()


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.astype(float)))


def rate_of(positives: float, rows: float) -> float:
    return (positives + 1) / (rows + 2)


def test_one_label_starts_at_its_rate() -> None:
    assert first_rates(*started(clicks.SCHEMA, TRAIN, mh.LR())) == pytest.approx(
        [rate_of(NUM_CLICKS, NUM_ROWS)], rel=1e-6
    )


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e6])
def test_weights_count_as_rows_whatever_their_scale(scale: float) -> None:
    weights = np.random.default_rng(1).choice([0.5, 1.0, 4.0], NUM_ROWS) * (1 + np.array(TRAIN["clicked"]))
    rate = weights @ TRAIN["clicked"] / weights.sum()
    data = {**TRAIN, "weight": (weights * scale).tolist()}
    assert first_rates(*started(WEIGHTED, data, mh.LR())) == pytest.approx(
        [rate_of(rate * NUM_ROWS, NUM_ROWS)], rel=1e-5
    )
    assert rate > 1.2 * NUM_CLICKS / NUM_ROWS


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_start_near_it_and_not_at_infinity(label: int) -> None:
    network, examples = started(clicks.SCHEMA, {**TRAIN, "clicked": [label] * NUM_ROWS}, mh.LR())
    assert first_rates(network, examples) == pytest.approx([rate_of(label * NUM_ROWS, NUM_ROWS)], rel=1e-5)
    assert abs(biases(network)) == pytest.approx(math.log(NUM_ROWS + 1), rel=1e-6)


def bought(*, where_clicked: list[int | None], otherwise: int | None) -> dict[str, Any]:
    """The values of where_clicked, again and again, on the rows with a click."""
    values = iter(where_clicked * NUM_ROWS)
    return {**TRAIN, "bought": [next(values) if clicked else otherwise for clicked in TRAIN["clicked"]]}


@pytest.mark.parametrize("kind", ["shared_bottom", "mmoe", "ple"])
def test_each_label_starts_at_its_rate_over_the_rows_where_it_is_there(kind: Any) -> None:
    data = bought(where_clicked=[1, 0, None, 0], otherwise=None)
    there = [value for value in data["bought"] if value is not None]
    assert 0 < len(there) < NUM_CLICKS
    network, _ = started(BOTH, data, mh.DeepFM(hidden_units=(8,), tasks=mh.Tasks(kind=kind)))
    assert sigmoid(biases(network)) == pytest.approx(
        [rate_of(NUM_CLICKS, NUM_ROWS), rate_of(sum(there), len(there))], rel=1e-6
    )


def test_esmm_starts_at_the_rates_of_its_labels_by_their_quotient() -> None:
    data = bought(where_clicked=[1, 0, 0], otherwise=0)
    network, examples = started(BOTH, data, mh.LR(tasks=mh.Tasks(kind="esmm")))
    clicked, buys = rate_of(NUM_CLICKS, NUM_ROWS), rate_of(sum(data["bought"]), NUM_ROWS)
    assert first_rates(network, examples) == pytest.approx([clicked, buys], rel=1e-5)
    assert sigmoid(biases(network)) == pytest.approx([clicked, buys / clicked], rel=1e-5)


def test_esmm_starts_at_a_finite_number_where_every_click_is_bought() -> None:
    data = bought(where_clicked=[1], otherwise=0)
    network, examples = started(BOTH, data, mh.LR(tasks=mh.Tasks(kind="esmm")))
    assert np.isfinite(biases(network)).all()
    assert first_rates(network, examples) == pytest.approx([rate_of(NUM_CLICKS, NUM_ROWS)] * 2, rel=1e-4)


@pytest.mark.parametrize(("preset", "expected"), [(None, rate_of(NUM_CLICKS, NUM_ROWS)), ("article", 0.5)])
def test_the_articles_preset_starts_at_a_half_and_moves_by_adagrad(preset: Any, expected: float) -> None:
    model, still = mh.LR(preset=preset), mh.DenseOptimizer(optimizer="sgd", learning_rate=1e-30)
    tables = mh.TableOptimizer(optimizer="sgd", learning_rate=1e-30)
    run, _ = train(model, epochs=1, tables=tables, dense=still)
    assert run.saved.probabilities(open_source(TRAIN)) == pytest.approx(expected, rel=1e-6)
    of_tables = {} if preset is None else {"tables": mh.TableOptimizer(optimizer="adagrad")}
    defaults, explicit = train(model, epochs=1)[0], train(model, epochs=1, **of_tables)[0]
    assert clicks.bits(defaults) == clicks.bits(explicit)
    assert defaults.saved.summary["training"]["tables"] == explicit.saved.summary["training"]["tables"]
    given = mh.TableOptimizer(optimizer="adam", learning_rate=0.02)
    assert train(model, epochs=1, tables=given)[0].saved.summary["training"]["tables"] == {"learning_rate": 0.02}
