"""A model over Examples: logits in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from manyhot.data import Examples, Loader
from manyhot.kernels import Float32s

from ._model import Model

__all__ = ["predict_logits"]

BATCH_SIZE = 4096


def predict_logits(
    model: Model,
    examples: Examples,
    batch_size: int = BATCH_SIZE,
    before_batch: Callable[[], None] = lambda: None,
) -> Float32s:
    """Logits float32 [num_rows], of T labels [num_rows, T]; without dropout, batch norm by its running statistics.

    before_batch: called before each; what it raises passes through.
    """
    was_training = model.training
    model.eval()
    tables = model.tables
    try:
        with torch.no_grad():
            loader = Loader(examples, tables.layout, tables.kernels, batch_size, num_threads=tables.threads)
            parts = []
            for batch in loader.epoch():
                before_batch()
                parts.append(model(batch).numpy())
    finally:
        model.train(was_training)
    none = np.zeros(0 if model.num_labels == 1 else (0, model.num_labels), np.float32)
    return np.concatenate([*parts, none])
