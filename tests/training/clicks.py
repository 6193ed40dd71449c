"""Clicks that can be learned, as dicts of columns in memory; and short trainings on them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

import manyhot as mh

Report = dict[str, Any]

APP = mh.Vocabulary("app")
SCHEMA = mh.Schema(
    label="clicked",
    fields=(
        mh.Field("apps", APP, weights="minutes"),
        mh.Field("candidate", APP),
        mh.Field("city", combiner="mean"),
        mh.Field("age", numeric=("log1p", "minmax")),
    ),
)
MODELS = {
    "lr": mh.LR(),
    "fm": mh.FM(embedding_dim=4, pairs="fields"),
    "widedeep": mh.WideDeep(embedding_dim=4, hidden_units=(8,)),
    "deepfm": mh.DeepFM(embedding_dim=4, hidden_units=(8, 4), dropout=0.2, batch_norm=True),
}


def frame(seed: int, count: int = 300) -> dict[str, Any]:
    """Candidates of low number are clicked more, the more so by people in city 0; a third of it is chance."""
    rng = np.random.default_rng(seed)
    bags = [rng.choice(25, rng.integers(0, 5)).tolist() for _ in range(count)]
    candidate, city = rng.integers(0, 25, count), rng.integers(0, 4, count)
    likely = (candidate < 12) ^ (city == 0)
    return {
        "apps": [[f"app{i}" for i in bag] for bag in bags],
        "minutes": [rng.uniform(0.5, 2, len(bag)).tolist() for bag in bags],
        "candidate": [f"app{i}" for i in candidate],
        "city": [f"city{i}" for i in city],
        "age": rng.integers(15, 70, count).tolist(),
        "clicked": (rng.random(count) < np.where(likely, 0.75, 0.2)).astype(int).tolist(),
    }


TRAIN, VALID = frame(1), frame(2, 150)


def train(
    model: str | mh.ModelConfig, *, data: Any = TRAIN, valid: Any = VALID, schema: mh.Schema = SCHEMA, **options: Any
) -> tuple[mh.Run, list[Report]]:
    """A run and the reports of its validations. options: of TrainingConfig."""
    reports: list[Report] = []
    training = msgspec.structs.replace(mh.TrainingConfig(batch_size=64, epochs=2, threads=1), **options)
    config = MODELS[model] if isinstance(model, str) else model
    run = mh.train(schema, config, train=data, valid=valid, training=training, listener=reports.append)
    return run, [report for report in reports if report["event"] == "valid"]


def weights(run: mh.Run) -> dict[str, np.ndarray]:
    """Every number that training moves, states of the tables' optimizer included."""
    network = run.saved.network
    return {"tables": network.tables.data, **{name: t.numpy() for name, t in network.state_dict().items()}}


def bits(run: mh.Run, *, states: bool = True) -> dict[str, bytes]:
    """The same as bytes; without `states` the weights alone."""
    arrays = weights(run) | ({} if states else {"tables": run.saved.network.tables.weights()})
    return {name: array.tobytes() for name, array in arrays.items()}
