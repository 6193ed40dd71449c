"""From Examples to a trained model: the loop, dense optimizers, early stopping, and `train`, which ties them.

Nothing here reads raw values (that is `manyhot.data`) or defines a layer (`manyhot.nn`); scoring does not need this
room. Read `_run.py` first, then `_loop.py`.
"""

from ._dense import dense_optimizer
from ._learner import Learner
from ._loop import Clock, fit_model
from ._reports import Listener, ProgressBar, valid_line
from ._run import Run, train
from ._settings import check_batches, check_settings, schema_for, torch_threads

__all__ = [
    "Clock",
    "Learner",
    "Listener",
    "ProgressBar",
    "Run",
    "check_batches",
    "check_settings",
    "dense_optimizer",
    "fit_model",
    "schema_for",
    "torch_threads",
    "train",
    "valid_line",
]
