"""From Examples to a trained model: the loop, dense optimizers, schedules, clipping, averages, early stopping, and
`train`, which ties them.

Nothing here reads raw values (that is `manyhot.data`) or defines a layer (`manyhot.nn`); scoring does not need this
room. Read `_run.py` first, then `_loop.py`; `_state.py` and `_keeper.py` for how a training goes on after a stop.
"""

from ._clock import Clock
from ._dense import dense_optimizer
from ._early_stopping import BestWeights
from ._keeper import Keeper
from ._labels import evaluate_labels, label_names
from ._learner import Learner
from ._loop import fit_model
from ._reports import Listener, ProgressBar, valid_line
from ._run import Run, train
from ._settings import (
    check_batches,
    check_l2,
    check_settings,
    in_words,
    rows_an_epoch,
    schema_for,
    settled,
    torch_threads,
)
from ._stop import Stop
from ._warm_start import check_start

__all__ = [
    "BestWeights",
    "Clock",
    "Keeper",
    "Learner",
    "Listener",
    "ProgressBar",
    "Run",
    "Stop",
    "check_batches",
    "check_l2",
    "check_settings",
    "check_start",
    "dense_optimizer",
    "evaluate_labels",
    "fit_model",
    "in_words",
    "label_names",
    "rows_an_epoch",
    "schema_for",
    "settled",
    "torch_threads",
    "train",
    "valid_line",
]
