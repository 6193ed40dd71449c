"""The demo: one log, five models, one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from manyhot.metrics import auc
from manyhot.schema import (
    LR,
    DeepFM,
    Field,
    ModelConfig,
    Schema,
    TrainingConfig,
    Vocabulary,
)
from manyhot.training import Run, train

from ._simulate import Log

__all__ = ["DemoResult", "full_deepfm", "run_demo"]

_APP_FIELDS = ("active_apps", "installed_apps", "uninstalled_apps")


@dataclass(frozen=True)
class DemoResult:
    """A line of the table: AUC and log loss on the test rows (None where not meaningful), parameters, seconds."""

    name: str
    auc: float | None
    log_loss: float | None = None
    num_parameters: int | None = None
    seconds: float | None = None
    examples_per_second: float | None = None


@dataclass(frozen=True)
class Variant:
    """What is trained: a model on a schema, perhaps on rows with something left out."""

    name: str
    schema: Schema
    model: ModelConfig
    change: Callable[[pa.Table], pa.Table] = lambda rows: rows


def _variants() -> list[Variant]:
    """DeepFM as it is meant, then one thing less at a time, then LR."""
    app = Vocabulary("app", min_count=5)
    fields = (
        *(Field(name, app) for name in (*_APP_FIELDS, "candidate")),
        *(Field(name) for name in ("category", "city", "hour")),
        Field("age", numeric=("bucket(20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70)",)),
    )
    shared = Schema(label="clicked", fields=fields)
    apart = [msgspec.structs.replace(f, vocabulary=Vocabulary(f.name, min_count=5)) for f in fields[:4]]
    separate = Schema(label="clicked", fields=(*apart, *fields[4:]))
    deepfm = DeepFM(embedding_dim=16, hidden_units=(128, 64))
    return [
        Variant("DeepFM", shared, deepfm),
        Variant("  separate vocabularies", separate, deepfm),
        Variant("  weights dropped", shared, deepfm, _without_weights),
        Variant("  pairs inside a list", shared, msgspec.structs.replace(deepfm, pairs="features")),
        Variant("LR", shared, LR()),
    ]


def run_demo(
    log: Log, *, seed: int = 1, on_stage: Callable[[str], None] = lambda text: None
) -> tuple[list[DemoResult], Run]:
    """Trains every variant by the defaults on the first 80 % of the log; the next 10 % say when to stop, the last test.

    Gives the lines of the table, the ceiling first, and the run of the full DeepFM.
    """
    parts = _split(log)
    test = parts["test"]
    results = [DemoResult("ceiling", auc(test.rows["clicked"].to_numpy(), test.probabilities))]
    runs = []
    for variant in _variants():
        on_stage(f"training {variant.name.strip()}")
        run = train(
            variant.schema,
            variant.model,
            training=TrainingConfig(seed=seed),
            **{name: variant.change(part.rows) for name, part in parts.items()},
        )
        runs.append(run)
        results.append(_result(variant.name, run))
    return results, runs[0]


def full_deepfm(log: Log) -> tuple[Schema, ModelConfig, TrainingConfig, dict[str, pa.Table]]:
    """Schema, model, training and the rows of train, valid and test of the first variant."""
    variant = _variants()[0]
    return variant.schema, variant.model, TrainingConfig(), {name: part.rows for name, part in _split(log).items()}


def _split(log: Log) -> dict[str, Log]:
    count = log.rows.num_rows
    bounds = {
        "train": (0, count * 8 // 10),
        "valid": (count * 8 // 10, count * 9 // 10),
        "test": (count * 9 // 10, count),
    }
    return {name: Log(log.rows.slice(a, b - a), log.probabilities[a:b]) for name, (a, b) in bounds.items()}


def _without_weights(rows: pa.Table) -> pa.Table:
    """The app lists as plain lists of tokens."""
    for name in _APP_FIELDS:
        lists = rows.column(name).combine_chunks()
        tokens = pa.ListArray.from_arrays(lists.offsets, lists.values.field("token"))
        rows = rows.set_column(rows.column_names.index(name), name, tokens)
    return rows


def _result(name: str, run: Run) -> DemoResult:
    metrics: dict[str, Any] = run.metrics
    return DemoResult(
        name,
        metrics["test"]["auc"],
        metrics["test"]["log_loss"],
        run.num_parameters,
        metrics["seconds"],
        metrics["examples_per_second"],
    )
