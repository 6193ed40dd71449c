"""Several labels trained together: metrics of each, what stops, what weighs, missing ones, what the example says."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import clicks
import msgspec
import numpy as np
import pytest
from clicks import bits, train

import manyhot as mh
from manyhot.metrics import auc, log_loss
from manyhot.schema import load_experiment
from manyhot.scoring import Scorer
from manyhot.training import valid_line

SCHEMA = mh.Schema(labels=("clicked", "bought"), fields=clicks.SCHEMA.fields)
KINDS = ("shared_bottom", "esmm", "mmoe", "ple")
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "two_labels"


def frame(seed: int, count: int = 300) -> dict[str, Any]:
    """A third of the clicks are bought."""
    columns = clicks.frame(seed, count)
    bought = np.array(columns["clicked"]) * (np.random.default_rng(seed).random(count) < 0.33)
    return columns | {"bought": bought.astype(int).tolist()}


TRAIN, VALID = frame(1), frame(2, 150)
with_labels = {"schema": SCHEMA, "data": TRAIN, "valid": VALID}


def model_of(kind: str | None = None, **options: Any) -> mh.ModelConfig:
    tasks = None if kind is None else mh.Tasks(kind=kind)
    return mh.DeepFM(embedding_dim=4, hidden_units=(8,), tasks=tasks, **options)


def column(name: str, data: dict[str, Any]) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in data[name]], float)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_both_labels_and_its_file_scores_alike(kind: str, tmp_path: Path) -> None:
    tables = mh.TableOptimizer(optimizer="adam", learning_rate=0.02)
    dense = mh.DenseOptimizer(learning_rate=0.01)
    run, reports = train(model_of(kind), epochs=8, tables=tables, dense=dense, **with_labels)
    assert list(run.metrics["valid"]) == ["clicked", "bought"]
    assert run.metrics["valid"]["clicked"]["auc"] > 0.6 and run.metrics["valid"]["bought"]["auc"] > 0.55
    assert reports[-1]["labels"] == run.metrics["valid"]
    run.save(tmp_path / "m.manyhot")
    scorer = mh.load(tmp_path / "m.manyhot")
    scores = scorer.score(VALID)
    assert (scores.shape, scores.dtype) == ((150, 2), np.float32)
    assert scorer.score({name: values[:0] for name, values in VALID.items()}).shape == (0, 2)
    rows = scorer.evaluate(VALID)
    np.testing.assert_allclose(1 / (1 + np.exp(-rows.logits)), scores, rtol=1e-5)
    for t, name in enumerate(SCHEMA.labels):
        found = run.metrics["valid"][name]
        assert found["auc"] == pytest.approx(auc(column(name, VALID), scores[:, t]), abs=1e-3)
        assert found["log_loss"] == pytest.approx(log_loss(column(name, VALID), rows.logits[:, t]))
    if kind == "esmm":
        assert (scores[:, 1] <= scores[:, 0]).all()


def test_without_tasks_each_label_has_heads_of_its_own() -> None:
    plain, _ = train(model_of(), **with_labels)
    named, _ = train(model_of("shared_bottom"), **with_labels)
    assert bits(plain) == bits(named)


def test_a_label_of_weight_0_leaves_the_other_as_if_alone() -> None:
    """Of linear heads, which share nothing but the tables."""
    model, schema = mh.LR(), msgspec.structs.replace(SCHEMA, label="clicked", labels=())
    alone, _ = train(model, schema=schema, data=TRAIN, valid=VALID, precision="float32")
    both, _ = train(model, label_weights={"bought": 0.0}, precision="float32", **with_labels)
    np.testing.assert_allclose(both.saved.network.tables.data, alone.saved.network.tables.data, rtol=1e-4, atol=1e-6)
    assert both.metrics["valid"]["clicked"]["log_loss"] == pytest.approx(alone.metrics["valid"]["log_loss"], rel=1e-5)
    doubled, _ = train(model, label_weights={"bought": 2.0}, precision="float32", **with_labels)
    ones, _ = train(model, precision="float32", **with_labels)
    assert bits(doubled) != bits(ones) != bits(both)


def test_a_missing_label_leaves_its_row_out_of_that_label_alone() -> None:
    gaps = [i % 3 == 0 for i in range(300)]
    holes = TRAIN | {"bought": [None if gap else value for gap, value in zip(gaps, TRAIN["bought"], strict=True)]}
    run, _ = train(model_of("mmoe"), schema=SCHEMA, data=holes, valid=holes)
    known = ~np.array(gaps)
    logits = logits_of(run, holes)
    found = run.metrics["valid"]
    assert found["bought"]["log_loss"] == pytest.approx(log_loss(column("bought", TRAIN)[known], logits[known, 1]))
    assert found["clicked"]["log_loss"] == pytest.approx(log_loss(column("clicked", TRAIN), logits[:, 0]))
    assert np.isfinite(run.saved.network.tables.data).all()


def logits_of(run: mh.Run, data: dict[str, Any]) -> np.ndarray:
    return Scorer(run.saved).evaluate(data).logits


@pytest.mark.parametrize(("label", "metric"), [(None, "log_loss"), ("bought", "log_loss"), ("clicked", "auc")])
def test_early_stopping_looks_at_one_label_or_at_the_mean(label: str | None, metric: str) -> None:
    stopping = mh.EarlyStopping(metric=metric, patience=2, label=label)
    fast = mh.TableOptimizer(learning_rate=0.5)
    run, reports = train(model_of(), epochs=40, early_stopping=stopping, tables=fast, **with_labels)
    names = SCHEMA.labels if label is None else (label,)
    values = [np.mean([report["labels"][name][metric] for name in names]) for report in reports]
    best = min(values) if metric == "log_loss" else max(values)
    assert values.index(best) == len(values) - 1 - 2 and len(values) < 40
    assert np.mean([run.metrics["valid"][name][metric] for name in names]) == pytest.approx(best)


def test_groups_and_weights_hold_for_every_label() -> None:
    schema = msgspec.structs.replace(SCHEMA, group="city", example_weights="w")
    data = TRAIN | {"w": np.random.default_rng(0).choice([0.0, 1.0, 3.0], 300).tolist()}
    run, reports = train(model_of(), schema=schema, data=data, valid=data)
    for name in SCHEMA.labels:
        found = run.metrics["valid"][name]
        assert found["groups"] == 4
        logits = logits_of(run, data)[:, SCHEMA.labels.index(name)]
        assert found["log_loss"] == pytest.approx(log_loss(column(name, data), logits, np.array(data["w"])))
    line = valid_line(reports[-1])
    assert line.index("clicked  auc") < line.index("bought   auc") and line.count("gauc") == 2


def test_esmm_refuses_what_follows_no_click() -> None:
    swapped = mh.Schema(labels=("bought", "clicked"), fields=SCHEMA.fields)
    with pytest.raises(mh.DataError, match=r"train: \d+ rows have clicked = 1 and bought = 0"):
        train(model_of("esmm"), schema=swapped, data=TRAIN, valid=VALID)
    train(model_of("mmoe"), schema=swapped, data=TRAIN, valid=VALID)


def test_tasks_without_labels_are_refused_from_python_too() -> None:
    with pytest.raises(mh.ConfigError, match="several labels"):
        train(model_of("ple"))


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("two_labels", EXAMPLE / "simulate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_buys_gain_from_the_clicks_beside_them() -> None:
    """The example, smaller: over shared tables the rarer label has the lower log loss on test than alone."""
    two_labels = example()
    parts = two_labels.frames(1, 16_000, 8_000)
    alone = two_labels.buy_on_test(parts, None, 1)
    together = two_labels.buy_on_test(parts, "esmm", 1)
    assert together["log_loss"] < alone["log_loss"] and together["auc"] > alone["auc"]


def test_the_example_file_is_the_example() -> None:
    made, module = load_experiment(EXAMPLE / "two_labels.toml"), example()
    assert made.schema == module.schema("click", "buy")


def test_pairs_alone_may_be_all_that_labels_learn_from() -> None:
    schema = msgspec.structs.replace(SCHEMA, group="user")
    data, valid = ({**part, "user": [i % 20 for i in range(len(part["clicked"]))]} for part in (TRAIN, VALID))
    loss = mh.Loss(kind="bpr", bpr_weight=1.0)
    fast = mh.TableOptimizer(learning_rate=0.02)
    run, _ = train(model_of(), schema=schema, data=data, valid=valid, loss=loss, epochs=10, tables=fast)
    assert all(run.metrics["valid"][name]["gauc"] > 0.6 for name in SCHEMA.labels)


def test_a_batch_that_says_nothing_of_the_labels_that_count_moves_nothing_by_its_loss() -> None:
    """The only label of weight is there in one row of many."""
    bought = [None] * len(TRAIN["bought"])
    bought[0], bought[1] = 1, 0
    run, _ = train(
        model_of(), schema=SCHEMA, data={**TRAIN, "bought": bought}, valid=VALID, label_weights={"clicked": 0.0}
    )
    assert np.isfinite(run.saved.proof_probabilities).all()
