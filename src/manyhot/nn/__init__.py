"""Tables, heads and models: from a batch to logits.

A model is a sum of heads over one shared set of tables. No optimizer of the dense part, no file and no seed of its own
lives here; tables move inside the backward pass by the kernels. Read `_tables.py` first, then `heads/`.
`_by_hand.py` is the quick way to the loss and gradients of the common models.
"""

from ._by_hand import has_gradients_by_hand, loss_by_hand
from ._loss import batch_loss, logit_shift, loss_gradient
from ._mlp import MLP
from ._model import Model, build_model
from ._outputs import Members, TableOutputs
from ._pairs import has_pairs
from ._predict import predict_logits
from ._tables import Tables
from .heads import DeepHead, FMHead, HeadShape, LinearHead

__all__ = [
    "MLP",
    "DeepHead",
    "FMHead",
    "HeadShape",
    "LinearHead",
    "Members",
    "Model",
    "TableOutputs",
    "Tables",
    "batch_loss",
    "build_model",
    "has_gradients_by_hand",
    "has_pairs",
    "logit_shift",
    "loss_by_hand",
    "loss_gradient",
    "predict_logits",
]
