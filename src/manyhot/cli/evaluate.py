"""manyhot evaluate MODEL DATA"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from manyhot.errors import ConfigError, DataError
from manyhot.metrics import bootstrap_intervals, calibration_curve, evaluate_slices
from manyhot.scoring import load
from manyhot.training import evaluate_labels, label_names

from ._metric_tables import show
from ._output import console, metric_lines

__all__ = ["evaluate"]


def evaluate(
    model: Path,
    data: list[str],
    /,
    *,
    by: str | None = None,
    top: int = 20,
    bootstrap: int = 0,
    seed: int = 1,
    curve: bool = False,
    as_json: bool = False,
) -> None:
    """Metrics of a model on labelled rows, of each label where there are several, of calibrated scores where it has a
    calibration; GAUC too where its schema names a group. A row that cannot be read is an error that names it.

    Parameters
    ----------
    model
        A model file.
    data
        Paths or globs of the rows: Parquet, CSV, TSV, Arrow.
    by
        A field: metrics of the rows that hold each of its tokens.
    top
        How many tokens, those of most rows; all others are one line.
    bootstrap
        How many sets of rows (of groups, where there are any) to draw, for 95 % intervals; 200 say enough.
    seed
        Of these sets.
    curve
        Also the calibration curve: mean probability and rate of 15 bins of equal mass.
    as_json
        Print JSON instead of tables.
    """
    for name, value, least in (("top", top, 1), ("bootstrap", bootstrap, 0), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"--{name} {value}: must be at least {least}")
    scorer, slices = load(model), None
    names = label_names(scorer.encoder.schema)
    if names and (by is not None or bootstrap or curve):
        raise ConfigError(
            f"{model}: has the labels {', '.join(names)}; --by, --bootstrap and --curve are for one label"
        )
    if by is None:
        rows = scorer.evaluate(data)
    else:
        rows, slices = scorer.evaluate_by(data, by)
    if not len(rows.labels):
        raise DataError(f"{data[0]}: there are no rows to evaluate")
    found: dict[str, Any] = {**evaluate_labels(names, *rows), "examples": len(rows.labels)}
    if bootstrap:
        found["intervals"] = bootstrap_intervals(*rows, num_samples=bootstrap, seed=seed)
    if curve:
        bins = calibration_curve(rows.labels, rows.logits, rows.example_weights)
        found["curve"] = [part._asdict() for part in bins]
    if slices is not None:
        lines = evaluate_slices(rows.labels, rows.logits, rows.example_weights, *slices.slices, top)
        found["by"] = by
        found["slices"] = [
            {"token": None if line.code is None else slices.name(line.code), **line._asdict()} for line in lines
        ]
        for line in found["slices"]:
            del line["code"]
    if as_json:
        console.print(json.dumps(found))
    elif names:
        for line in metric_lines(f"{len(rows.labels):,} examples  ", found, names):
            console.print(line)
    else:
        show(found)
