"""The order of columns never changes a probability: not in training, not in scoring, not between the two."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manyhot as mh

NAMES = ["apps", "city", "age", "price", "c1", "c2", "clicked"]
APP = mh.Vocabulary("app", min_count=2, oov_buckets=3)
FIELDS = [
    mh.Field("apps", APP, separators=mh.Separators(weight=":"), max_pairs=3),
    mh.Field("age_city", cross=["city", "age"]),
    mh.Field("city", missing="token"),
    mh.Field("age", numeric=["quantile_bucket(4)"], missing="token"),
    mh.Field("price", numeric=["log1p", "minmax"]),
    mh.Field("cats", APP, columns=["c1", "c2"]),
]
TRAINING = mh.TrainingConfig(epochs=2, batch_size=32)
orders = st.permutations(NAMES)


def rows(seed: int, count: int = 120) -> pa.Table:
    rng = np.random.default_rng(seed)
    bags = [rng.choice(9, rng.integers(0, 6), replace=False) for _ in range(count)]
    app = [f"app{i}" for i in range(9)]
    return pa.table(
        {
            "apps": [",".join(f"{app[i]}:{rng.random():.3f}" for i in bag) or None for bag in bags],
            "city": pa.array([f"city{i}" if i else None for i in rng.integers(0, 5, count)], pa.string()),
            "age": pa.array(rng.integers(15, 70, count), mask=rng.random(count) < 0.1),
            "price": rng.random(count).round(3),
            "c1": [app[i] for i in rng.integers(0, 9, count)],
            "c2": [app[i] for i in rng.integers(0, 9, count)],
            "clicked": rng.integers(0, 2, count),
        }
    )


def train(data: pa.Table, fields: list[mh.Field], model: mh.ModelConfig) -> mh.Scorer:
    return mh.Scorer(mh.train(mh.Schema(label="clicked", fields=fields), model, train=data, training=TRAINING).saved)


def deepfm() -> mh.ModelConfig:
    return mh.DeepFM(embedding_dim=4, hidden_units=[8], embedding_scale=0.3)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    probabilities = train(rows(0), FIELDS, deepfm()).score(rows(1))
    assert len(np.unique(probabilities)) > 100
    return probabilities


@settings(deadline=None, max_examples=12)
@given(orders, orders)
def test_train_in_one_order_and_score_in_another(expected: np.ndarray, in_training: list, in_scoring: list) -> None:
    scorer = train(rows(0).select(in_training), FIELDS, deepfm())
    given = rows(1).select(in_scoring)
    np.testing.assert_array_equal(scorer.score(given), expected)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        pq.write_table(given, path / "rows.parquet")
        with (path / "rows.tsv").open("w", newline="") as file:
            csv.writer(file, delimiter="\t").writerows([in_scoring, *(row.values() for row in given.to_pylist())])
        for data in (path / "rows.parquet", path / "rows.tsv", given.to_pandas(), given.to_pydict()):
            np.testing.assert_array_equal(scorer.score(data), expected)


def test_files_of_different_orders_are_one_source(expected: np.ndarray, tmp_path: Path) -> None:
    train_rows, score_rows = rows(0), rows(1)
    for name, table in (("train", train_rows), ("score", score_rows)):
        for i, order in enumerate((NAMES, NAMES[::-1])):
            pq.write_table(table.select(order).slice(i * 60, 60), tmp_path / f"{name}{i}.parquet")
    scorer = mh.Scorer(
        mh.train(
            mh.Schema(label="clicked", fields=FIELDS),
            deepfm(),
            train=tmp_path / "train*.parquet",
            training=TRAINING,
        ).saved
    )
    np.testing.assert_allclose(scorer.score(tmp_path / "score*.parquet"), expected, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=8)
@given(st.permutations(range(len(FIELDS))))
def test_the_order_of_fields_changes_only_the_last_digits_of_fm(order: list[int]) -> None:
    """It is the order of sums. A deep part has weights by place, so that another order is another random start."""
    model = mh.FM(embedding_dim=4, embedding_scale=0.3)
    one, other = (train(rows(0), fields, model).score(rows(1)) for fields in (FIELDS, [FIELDS[i] for i in order]))
    np.testing.assert_allclose(other, one, rtol=0, atol=1e-5)
