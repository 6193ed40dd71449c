"""manyhot evaluate MODEL DATA"""

from __future__ import annotations

import json
from pathlib import Path

from manyhot.errors import DataError
from manyhot.scoring import load
from manyhot.training import evaluate_labels, label_names

from ._output import console, metric_lines

__all__ = ["evaluate"]


def evaluate(model: Path, data: list[str], /, *, as_json: bool = False) -> None:
    """AUC and log loss of a model on labelled rows, of each label where there are several; GAUC too where its schema
    names a group. A row that cannot be read is an error that names it.

    Parameters
    ----------
    model
        A model file.
    data
        Paths or globs of the rows: Parquet, CSV, TSV, Arrow.
    as_json
        Print JSON instead of a line.
    """
    scorer = load(model)
    rows, labels = scorer.evaluate(data), label_names(scorer.encoder.schema)
    if not len(rows.labels):
        raise DataError(f"{data[0]}: there are no rows to evaluate")
    metrics = evaluate_labels(labels, *rows)
    if as_json:
        console.print(json.dumps({**metrics, "examples": len(rows.labels)}))
    else:
        for line in metric_lines(f"{len(rows.labels):,} examples  ", metrics, labels):
            console.print(line)
