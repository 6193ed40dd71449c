"""One small trained model for the tests of the file it is kept in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from manyhot.schema import DeepFM, Field, Schema, Separators, TrainingConfig, Vocabulary
from manyhot.training import Run, train


def make_rows(seed: int, num_rows: int = 400) -> pa.Table:
    random = np.random.default_rng(seed)
    bags = [[f"app{i}" for i in random.zipf(1.5, n) % 40] for n in random.integers(0, 5, num_rows)]
    return pa.table(
        {
            "active": pa.array(bags, pa.list_(pa.string())),
            "days": pa.array([random.random(len(bag)).astype(np.float32) for bag in bags], pa.list_(pa.float32())),
            "gone": pa.array(
                [",".join(f"{t}:{w:.2f}" for t, w in zip(b[::2], random.random(9), strict=False)) for b in bags]
            ),
            "city": pa.array([f"city {i}" if i else None for i in random.integers(0, 9, num_rows)]),
            "age": pa.array(random.integers(15, 90, num_rows)),
            "clicked": pa.array(random.integers(0, 2, num_rows)),
        }
    )


@pytest.fixture(scope="session")
def rows() -> pa.Table:
    return make_rows(0)


@pytest.fixture(scope="session")
def run(rows: pa.Table) -> Run:
    app = Vocabulary("app", min_count=2)
    schema = Schema(
        label="clicked",
        fields=[
            Field("active", app, weights="days"),
            Field("gone", app, separators=Separators(weight=":"), combiner="mean"),
            Field("city", Vocabulary("city", hash_buckets=20), missing="oov"),
            Field("age", numeric=["clip(18, 80)", "minmax"]),
            Field("age group", column="age", numeric=["quantile_bucket(4)"]),
        ],
    )
    model = DeepFM(embedding_dim=4, hidden_units=[8], batch_norm=True, embedding_scale=0.3)
    return train(schema, model, train=rows, training=TrainingConfig(epochs=2, batch_size=64, threads=1))
