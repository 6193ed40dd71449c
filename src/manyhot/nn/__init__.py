"""Tables, heads and models: from a batch to logits.

A model is a sum of heads over one shared set of tables. No optimizer of the dense part, no loss, no file and no seed of
its own lives here; tables move inside the backward pass by the kernels. Read `_tables.py` first, then `_heads.py`.
"""

from ._heads import DeepHead, FMHead, LinearHead
from ._memory import available_bytes
from ._model import Model, build_model
from ._predict import predict_logits
from ._tables import TableOutputs, Tables

__all__ = [
    "DeepHead",
    "FMHead",
    "LinearHead",
    "Model",
    "TableOutputs",
    "Tables",
    "available_bytes",
    "build_model",
    "predict_logits",
]
