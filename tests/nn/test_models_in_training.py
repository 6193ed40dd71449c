"""The contract of every model from raw rows to its file: it learns, it is kept, and pairs of weight 0 are no pairs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from model_configs import CONFIGS
from nn_oracle import APP, FIELDS

import manyhot as mh
from manyhot.data import open_source
from manyhot.model_file import load_model
from manyhot.schema import DenseOptimizer, Field, Schema, TableOptimizer, TrainingConfig

every_model = pytest.mark.parametrize("name", CONFIGS)
SCHEMA = Schema(
    label="clicked",
    fields=(
        Field("history", APP, weights="minutes"),
        Field("city"),
        Field("candidate", APP),
        Field("number", numeric=("minmax",)),
    ),
)


def frame(seed: int, num_rows: int = 128) -> dict[str, list[Any]]:
    """Who has app0 in the history clicks, others do not; the rest is noise, and some bags are empty."""
    rng = np.random.default_rng(seed)
    clicked = rng.integers(0, 2, num_rows)
    others = [[f"app{i}" for i in rng.integers(1, 9, rng.integers(0, 3))] for _ in range(num_rows)]
    return {
        "history": [["app0"] * int(y) + bag for y, bag in zip(clicked, others, strict=True)],
        "minutes": [[1.0] * (int(y) + len(bag)) for y, bag in zip(clicked, others, strict=True)],
        "city": [f"city{i}" if i else None for i in rng.integers(0, 4, num_rows)],
        "candidate": [f"app{i}" for i in rng.integers(1, 9, num_rows)],
        "number": rng.random(num_rows).tolist(),
        "clicked": clicked.tolist(),
    }


@functools.cache
def run_of(name: str) -> mh.Run:
    training = TrainingConfig(
        batch_size=16,
        epochs=8,
        tables=TableOptimizer(learning_rate=0.2),
        dense=DenseOptimizer(learning_rate=0.02),
        threads=1,
    )
    return mh.train(SCHEMA, CONFIGS[name], train=frame(1), valid=frame(2), training=training)


def test_the_fields_are_those_of_the_other_tests():
    assert [(f.name, f.vocabulary_name) for f in SCHEMA.fields] == [(f.name, f.vocabulary_name) for f in FIELDS]


@every_model
def test_it_learns_rows_that_can_be_told_apart(name):
    """log 2 is what knowing nothing costs."""
    assert run_of(name).metrics["valid"]["log_loss"] < 0.7 * np.log(2)


@every_model
def test_its_file_scores_the_same(name, tmp_path):
    run, rows = run_of(name), open_source(frame(3))
    run.save(tmp_path / "model.manyhot")
    again = load_model(tmp_path / "model.manyhot")
    np.testing.assert_array_equal(again.probabilities(rows), run.saved.probabilities(rows), strict=True)
    assert again.config == run.saved.config


@every_model
def test_pairs_of_weight_0_are_no_pairs(name):
    rows = frame(4)
    more = {
        **rows,
        "history": [["app3", *bag, "app0"] for bag in rows["history"]],
        "minutes": [[0.0, *weights, 0.0] for weights in rows["minutes"]],
    }
    scores = [run_of(name).saved.probabilities(open_source(each)) for each in (rows, more)]
    np.testing.assert_array_equal(*scores)
