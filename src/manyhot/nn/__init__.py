"""Tables, heads and models: from a batch to logits.

A model is a sum of heads over one shared set of tables. No optimizer of the dense part, no file and no seed of its own
lives here; tables move inside the backward pass by the kernels. Read `_tables.py` first, then `heads/`, and `tasks/`
for several labels. `_by_hand.py` is the quick way to the loss and gradients of the common models.
"""

from ._bounded import MOST_ROW_NUMBERS, RowNumbers, check_dense_size
from ._by_hand import has_gradients_by_hand, loss_by_hand
from ._finite import not_finite
from ._labels_loss import labels_loss
from ._loss import batch_loss, logit_shift, loss_gradient
from ._mlp import MLP
from ._model import Model, build_model
from ._outputs import Members, TableOutputs
from ._pairs import has_pairs
from ._predict import BATCH_SIZE, predict_logits
from ._row_ranges import row_ranges, stride_of
from ._tables import Tables
from .heads import BuildHead, DeepHead, FMHead, HeadShape, LinearHead, check_custom_heads

__all__ = [
    "BATCH_SIZE",
    "MLP",
    "MOST_ROW_NUMBERS",
    "BuildHead",
    "DeepHead",
    "FMHead",
    "HeadShape",
    "LinearHead",
    "Members",
    "Model",
    "RowNumbers",
    "TableOutputs",
    "Tables",
    "batch_loss",
    "build_model",
    "check_custom_heads",
    "check_dense_size",
    "has_gradients_by_hand",
    "has_pairs",
    "labels_loss",
    "logit_shift",
    "loss_by_hand",
    "loss_gradient",
    "not_finite",
    "predict_logits",
    "row_ranges",
    "stride_of",
]
