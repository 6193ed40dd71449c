"""Where training starts: at the base rate of each label, so that no step is spent on finding it."""

from __future__ import annotations

import numpy as np
import torch

from manyhot.data import Examples
from manyhot.nn import Model

__all__ = ["start_at_base_rates"]


def start_at_base_rates(model: Model, train: Examples) -> None:
    """Sets the bias of each label to the log odds of its rate in train (with example weights, weighted; over the rows
    where it is there), as if there were a positive and a negative row more: finite with rows of one class."""
    labels, weights = train.labels, train.example_weights
    assert labels is not None
    labels_NT = labels.reshape(len(labels), -1).astype(np.float64)
    weights_N1 = np.ones((len(labels), 1)) if weights is None else weights.astype(np.float64)[:, None]
    weights_N1 = weights_N1 / max(weights_N1.mean(), np.finfo(np.float64).tiny)  # weights of any scale count as rows
    there_NT = ~np.isnan(labels_NT)
    positives_T = (weights_N1 * np.where(there_NT, labels_NT, 0)).sum(0)
    rows_T = (weights_N1 * there_NT).sum(0)
    model.start_at(torch.from_numpy((positives_T + 1) / (rows_T + 2)))
