"""Where training starts: at the base rate of each label, so that no step is spent on finding it. And where it ends
after epochs that saw other rates."""

from __future__ import annotations

import numpy as np
import torch

from manyhot.calibration import fit_intercept
from manyhot.data import Examples
from manyhot.kernels import Float32s
from manyhot.nn import Model

__all__ = ["end_at_base_rate", "start_at_base_rates"]


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


@torch.no_grad()
def end_at_base_rate(model: Model, valid: Examples, logits: Float32s) -> None:
    """Moves the bias of a model of one label so that its mean probability on valid is the rate there. logits: of valid,
    float32 [num_rows].

    Where each epoch draws other negatives the loss knows the odds, but positives are seen more often than any negative:
    what is learned by heart of them is missing on new rows (docs/results.md, section Fewer negatives)."""
    assert valid.labels is not None
    model.bias.add_(fit_intercept(valid.labels, logits, valid.example_weights))
