"""What a default has to beat: a logistic regression, its strength chosen on valid, and LightGBM with early stopping."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse
from sets import DataSet, Parts
from sklearn.linear_model import LogisticRegression

from manyhot.data import Encoder, Examples, Loader, TableLayout
from manyhot.kernels import select
from manyhot.metrics import auc, log_loss

__all__ = ["light_gbm", "logistic_regression", "matrix"]

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
Metrics = dict[str, float | None]


def matrix(encoder: Encoder, examples: Examples) -> scipy.sparse.csr_array:
    """Pairs as a sparse matrix float64 [rows, F * V]: a column a field and feature, weights as combined."""
    layout = TableLayout.of(encoder)
    rows = np.arange(examples.num_rows)
    jagged = Loader(examples, layout, select("native"), 4096).batches([rows])[0].jagged
    fields = np.repeat(np.arange(len(jagged.offsets) - 1) % jagged.num_fields, np.diff(jagged.offsets))
    columns = jagged.ids + fields.astype(np.int64) * layout.num_rows
    weights = np.ones(len(columns)) if jagged.weights is None else jagged.weights.astype(np.float64)
    starts = jagged.offsets[:: jagged.num_fields]
    return scipy.sparse.csr_array((weights, columns, starts), shape=(len(rows), jagged.num_fields * layout.num_rows))


def logistic_regression(encoder: Encoder, examples: dict[str, Examples]) -> Metrics:
    """scikit-learn's, of one L2 strength of eight: the best log loss on valid."""
    x = {name: matrix(encoder, part) for name, part in examples.items()}
    used = np.flatnonzero(np.diff(x["train"].tocsc().indptr))
    x = {name: part[:, used] for name, part in x.items()}
    best: tuple[float, Any] | None = None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, solver="lbfgs", max_iter=300, tol=1e-4)
        model.fit(x["train"], examples["train"].labels)
        loss = log_loss(examples["valid"].labels, model.decision_function(x["valid"]))
        if best is None or loss < best[0]:
            best = loss, model
    assert best is not None
    return metrics_of(examples["test"].labels, best[1].decision_function(x["test"]))


def light_gbm(
    data_set: DataSet, parts: Parts, encoder: Encoder, examples: dict[str, Examples], threads: int | None
) -> Metrics:
    """Numbers as they are, single values as categories of LightGBM, lists as a column of weights for each of the 300
    most frequent members; the number of trees by log loss on valid."""
    names, x = _columns(data_set, parts, encoder, examples)
    categories = [k for k, name in enumerate(names) if name.startswith("category ")]
    make = {
        name: lightgbm.Dataset(part, examples[name].labels, categorical_feature=categories, params={"verbose": -1})
        for name, part in x.items()
    }
    make["valid"].set_reference(make["train"])
    options = {
        "objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 20, "verbose": -1,
        "num_threads": threads or 0, "seed": 1, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1,
    }  # fmt: skip
    stop = lightgbm.early_stopping(50, verbose=False)
    model = lightgbm.train(options, make["train"], 2000, valid_sets=[make["valid"]], callbacks=[stop])
    return metrics_of(examples["test"].labels, model.predict(x["test"], raw_score=True))


def _columns(
    data_set: DataSet, parts: Parts, encoder: Encoder, examples: dict[str, Examples]
) -> tuple[list[str], dict[str, npt.NDArray[np.float64]]]:
    names: list[str] = []
    columns: dict[str, list[Any]] = {part: [] for part in parts}
    for name in data_set.numbers:
        names.append(f"number {name}")
        for part, rows in parts.items():
            columns[part].append(rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False))
    num_rows = TableLayout.of(encoder).num_rows
    x = {part: matrix(encoder, given) for part, given in examples.items()}
    for f, field in enumerate(encoder.schema.fields):
        if field.name in data_set.numbers:
            continue
        own = {part: whole[:, f * num_rows : (f + 1) * num_rows].tocsr() for part, whole in x.items()}
        single = all(np.diff(part.indptr).max(initial=0) <= 1 for part in own.values())
        if single:
            names.append(f"category {field.name}")
            for part, given in own.items():
                code = np.full(given.shape[0], np.nan)
                there = np.diff(given.indptr) == 1
                code[there] = given.indices
                columns[part].append(code)
        else:
            counts = np.bincount(own["train"].indices, minlength=num_rows)
            frequent = np.argsort(-counts, kind="stable")[:300]
            names += [f"weight {field.name} {k}" for k in frequent]
            for part, given in own.items():
                columns[part].extend(given[:, frequent].toarray().T)
    return names, {part: np.column_stack(given) for part, given in columns.items()}


def metrics_of(labels: Any, logits: npt.NDArray[np.float64]) -> Metrics:
    """AUC and log loss."""
    return {"auc": auc(labels, logits), "log_loss": log_loss(labels, logits)}
