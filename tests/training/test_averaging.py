"""Averaged weights against the mean, in float64, of the weights after every step."""

from __future__ import annotations

from typing import Any

import clicks
import msgspec
import numpy as np
import pytest
from clicks import MODELS, TRAIN, VALID, bits, train

import manyhot as mh
from manyhot.data import Encoder, Examples, Loader, TableLayout, open_source
from manyhot.kernels import select
from manyhot.nn import Model, build_model
from manyhot.schema import SettledTraining
from manyhot.training import Learner

SLOW = mh.Averaging(decay=0.9)


def weights_of(model: Model) -> dict[str, np.ndarray]:
    dense = {name: t.double().numpy() for name, t in model.state_dict().items() if t.is_floating_point()}
    return {"tables": model.tables.weights().astype(float), **{name: array.copy() for name, array in dense.items()}}


@pytest.mark.parametrize(("model", "rule", "decay"), [("fm", "ftrl", 0.5), ("deepfm", "adagrad", 0.99)])
def test_the_average_is_the_mean_of_the_weights_of_all_steps(model: str, rule: str, decay: float) -> None:
    """Batches of 20 of 300 rows, so that most rows of the tables are not touched by a step; some never."""
    encoder = Encoder.fit(clicks.SCHEMA, open_source(TRAIN))
    part = {name: column[:150] for name, column in TRAIN.items()}
    examples = Examples(encoder.encode(open_source(part), with_labels=True), 4)
    config = SettledTraining(tables=mh.TableOptimizer(optimizer=rule), averaging=mh.Averaging(decay=decay))
    network = build_model(MODELS[model], TableLayout.of(encoder), select("native"), optimizer=config.tables, seed=3)
    learner = Learner(network.train(), config)
    assert learner.averages is not None
    after: list[dict[str, np.ndarray]] = []
    loader = Loader(examples, network.tables.layout, select("native"), 20, shuffle_seed=1, with_plan=True)
    for number in (1, 2):
        for batch in loader.epoch(number):
            learner.learn(batch)
            after.append(weights_of(network))
            if len(after) in (1, 5, 16):
                shares = decay ** np.arange(len(after))[::-1]
                with learner.averages.in_place():
                    found = weights_of(network)
                for name in found:
                    expected = np.tensordot(shares / shares.sum(), np.stack([w[name] for w in after]), 1)
                    np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=2e-6, err_msg=name)
                back = weights_of(network)
                assert all(np.array_equal(back[name], after[-1][name]) for name in back)
    last = np.abs(found["tables"] - after[-1]["tables"]).max()
    assert len(after) == 16 and last > 1e-3  # the average is not the last


def test_averages_change_no_bit_of_what_is_trained_nor_do_looks_at_valid_of_them() -> None:
    seen: dict[str, list[Any]] = {}
    for name, options in {
        "plain": {},
        "averaged": {"averaging": SLOW},
        "often": {"averaging": SLOW, "validate_every": 1},
    }.items():
        run, reports = train("deepfm", epochs=3, **options)
        seen[name] = [bits(run, states=False), [r["loss"] for r in reports if r["step"] % 5 == 0], run.metrics["valid"]]
    assert seen["averaged"][0] == seen["often"][0] != seen["plain"][0]
    assert seen["averaged"][1] == seen["often"][1] == seen["plain"][1]
    assert seen["averaged"][2] == seen["often"][2] != seen["plain"][2]


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_early_stopping_judges_and_keeps_averages(model: str) -> None:
    fast = {"tables": mh.TableOptimizer(optimizer="adagrad", learning_rate=0.5), "averaging": SLOW}
    run, reports = train(model, epochs=60, early_stopping=mh.EarlyStopping(metric="auc", patience=3), **fast)
    values = [report["auc"] for report in reports]
    assert run.metrics["valid"]["auc"] == max(values) and len(values) < 60
    shorter, _ = train(model, epochs=values.index(max(values)) + 1, **fast)
    assert bits(run, states=False) == bits(shorter, states=False)


def test_the_model_file_holds_the_averages(tmp_path) -> None:
    run, reports = train("deepfm", averaging=SLOW)
    assert {key: reports[-1][key] for key in run.metrics["valid"]} == run.metrics["valid"]
    run.save(tmp_path / "model")
    scores = mh.load(tmp_path / "model").score(VALID)
    np.testing.assert_allclose(scores, run.saved.probabilities(open_source(VALID)), rtol=1e-6)
    assert run.saved.summary["training"]["averaging"] == {"decay": 0.9}


def test_threads_change_no_bit_of_averages() -> None:
    one, two = (train("fm", threads=threads, averaging=SLOW)[0] for threads in (1, 2))
    assert bits(one) == bits(two)


def test_a_decay_of_almost_0_is_the_last_step() -> None:
    averaged, plain = (train("fm", averaging=averaging)[0] for averaging in (mh.Averaging(decay=1e-9), None))
    np.testing.assert_allclose(
        averaged.saved.network.tables.weights(), plain.saved.network.tables.weights(), rtol=1e-6, atol=1e-7
    )
    for wrong in (0.0, 1.0):
        with pytest.raises(mh.ConfigError, match="between 0 and 1"):
            msgspec.structs.replace(SLOW, decay=wrong)
