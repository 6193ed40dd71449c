"""A model over Examples: logits in the order of the rows."""

from __future__ import annotations

import numpy as np
import torch

from manyhot.data import Examples, Loader
from manyhot.kernels import Float32s

from ._model import Model

__all__ = ["predict_logits"]

BATCH_SIZE = 4096


def predict_logits(model: Model, examples: Examples, batch_size: int = BATCH_SIZE) -> Float32s:
    """Logits float32 [num_rows]; without dropout, batch norm by its running statistics."""
    was_training = model.training
    model.eval()
    tables = model.tables
    try:
        with torch.no_grad():
            loader = Loader(examples, tables.layout, tables.kernels, batch_size, num_threads=tables.threads)
            parts = [model(batch).numpy() for batch in loader.epoch()]
    finally:
        model.train(was_training)
    return np.concatenate([*parts, np.zeros(0, np.float32)])
