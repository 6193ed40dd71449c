"""Makes the folder of this version: python tests/model_file/released/make.py"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from manyhot.data import open_source
from manyhot.model_file import SavedModel, save_model
from manyhot.schema import (
    GBDT,
    LR,
    DeepFM,
    Field,
    ModelConfig,
    Schema,
    Separators,
    Tasks,
    TrainingConfig,
    Vocabulary,
)
from manyhot.training import train

__all__ = ["MODELS", "columns", "trained"]

_APP = Vocabulary("app", min_count=2, oov_buckets=2)
_APPS = [Field("active", _APP, weights="days"), Field("gone", _APP, separators=Separators(weight=":"), combiner="mean")]
_AGE = Field("age", numeric=["clip(18, 80)", "minmax"])
_CITY = Field("city", Vocabulary("city", hash_buckets=5), missing="oov")
_BOTH = Field("both", Vocabulary("both", hash_buckets=9), cross=["active", "gone"])
_TREES = GBDT(columns=["age"], categories=["city"], trees=3, leaves=4, min_rows=5)
_SMALL = {"embedding_dim": 2, "hidden_units": [3], "embedding_scale": 0.5}

MODELS: dict[str, tuple[Schema, ModelConfig]] = {
    "deepfm": (
        Schema(
            label="clicked",
            fields=[*_APPS, _CITY, _AGE, Field("age group", column="age", numeric=["quantile_bucket(4)"])],
        ),
        DeepFM(**_SMALL, batch_norm=True),
    ),
    "labels": (
        Schema(
            labels=["clicked", "bought"],
            fields=[*_APPS, Field("both", Vocabulary("both", hash_buckets=9), cross=["active", "gone"]), _AGE],
        ),
        DeepFM(**_SMALL, tasks=Tasks(kind="mmoe", experts=2, tower_units=[2])),
    ),
    "trees": (Schema(label="clicked", fields=[_CITY, Field("leaves", gbdt=_TREES)]), LR()),
}


def columns(num_rows: int, seed: int) -> dict[str, list[Any]]:
    """Rows for all of them."""
    random = np.random.default_rng(seed)
    bags = [[f"app{i}" for i in random.zipf(1.5, n) % 9] for n in random.integers(0, 4, num_rows)]
    age = random.integers(15, 90, num_rows)
    return {
        "active": bags,
        "days": [random.random(len(bag)).round(2).tolist() for bag in bags],
        "gone": [",".join(f"{token}:{random.random():.2f}" for token in bag[::2]) for bag in bags],
        "city": [f"city {i}" if i else None for i in random.integers(0, 6, num_rows)],
        "age": [None if a == 50 else int(a) for a in age],
        "clicked": (random.random(num_rows) < np.where(age > 50, 0.9, 0.1)).astype(int).tolist(),
        "bought": random.integers(0, 2, num_rows).tolist(),
    }


def trained(name: str) -> SavedModel:
    """The small model of this name, calibrated where it has one label."""
    schema, model = MODELS[name]
    calibration = "platt" if name == "deepfm" else None
    training = TrainingConfig(epochs=9, batch_size=16, seed=1, threads=1, calibration=calibration)
    return train(schema, model, train=columns(200, 0), valid=columns(40, 1), training=training).saved


def main() -> int:
    folder = Path(__file__).parent / version("manyhot")
    if folder.exists():
        print(f"{folder}: is there already; a released file never changes")
        return 1
    folder.mkdir()
    rows = columns(40, 2)
    for name in MODELS:
        saved = trained(name)
        save_model(folder / f"{name}.manyhot", saved)
        found = saved.probabilities(open_source(rows)).tolist()
        (folder / f"{name}.json").write_text(json.dumps({"rows": rows, "probabilities": found}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
