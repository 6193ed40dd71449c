"""A model over Examples: logits in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from manyhot.data import Examples, Loader
from manyhot.kernels import Float32s

from ._model import Model

__all__ = ["BATCH_SIZE", "predict_logits"]

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
    shape = (examples.num_rows,) if model.num_labels == 1 else (examples.num_rows, model.num_labels)
    logits = np.empty(shape, np.float32)
    was_training = model.training
    model.eval()
    tables = model.tables
    try:
        with torch.no_grad():
            loader = Loader(examples, tables.layout, tables.kernels, batch_size, num_threads=tables.threads)
            first = 0
            for batch in loader.epoch():
                before_batch()
                # Results that were kept would lie among the pieces of memory that each batch takes and gives back, and
                # break them up: wide models then take all of it anew for each.
                part = model(batch).numpy()
                logits[first : first + len(part)] = part
                first += len(part)
                del part
    finally:
        model.train(was_training)
    return logits
