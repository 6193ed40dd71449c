"""What is done about a batch that gives NaN, infinity, or a loss beyond all measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.data import Loader
from manyhot.errors import TrainingError
from manyhot.kernels import Float32s
from manyhot.nn import Model, not_finite
from manyhot.schema import SettledTraining

from ._reports import Listener
from ._state import Arrays, State

__all__ = ["REMEDY", "BadBatches", "check_weights"]

REMEDY = "lower the learning rates of training.tables and training.dense"
MOST_IN_A_ROW, MOST, MOST_SHARE = 10, 10, 0.01  # batches skipped; of all steps so far
_SHOWN = 3


class BadBatches:
    """Stops the training, or counts what is skipped. config: says which, and when a loss explodes; places: where rows
    of train, from 0, come from."""

    def __init__(
        self,
        config: SettledTraining,
        num_labels: int,
        loader: Loader,
        places: Callable[[Sequence[int]], list[str]],
        listener: Listener,
    ) -> None:
        self._policy, self._loader, self._places, self._listener = config.non_finite, loader, places, listener
        self.skipped, self._in_a_row = 0, 0
        self._factor, self._lowest = config.exploding_loss, math.inf  # of the running means so far
        # A loss of 1 for each example; a batch of negatives alone tells nothing of what a positive may cost.
        weights = config.label_weights or {}
        self._unit = max(1.0, config.loss.positive_weight) * max(1.0, num_labels - len(weights) + sum(weights.values()))

    @property
    def largest_loss(self) -> float:
        """Beyond which the loss of the next batch explodes; of the first one any may do."""
        return math.inf if math.isinf(self._lowest) else self._factor * max(self._unit, self._lowest)

    def passed(self, running_mean: float) -> None:
        """A batch was learned from."""
        self._in_a_row, self._lowest = 0, min(self._lowest, running_mean)

    def met(self, what: str, logits: Float32s, epoch: int, number: int, step: int) -> None:
        """Batch `number` of an epoch, to whose examples the model gives these logits, was not learned from. Raises
        TrainingError by the policy."""
        bad, score = self._bad(logits)
        self.skipped, self._in_a_row = self.skipped + 1, self._in_a_row + 1
        rows = self._loader.rows(epoch, number)
        is_too_much = self._in_a_row > MOST_IN_A_ROW or self.skipped > max(MOST, MOST_SHARE * step)
        if self._policy == "skip" and not is_too_much:
            report = {"event": "skipped", "epoch": epoch, "step": step, "what": what}
            self._listener({**report, "rows": self._named(rows, bad, find=self.skipped == 1)})
            return
        before = f", after {self.skipped - 1:,} such batches were skipped" if self._policy == "skip" else ""
        remedy = REMEDY if self._policy == "skip" else f'{REMEDY}, or go on with non_finite = "skip" in [training]'
        raise TrainingError(
            f"{what} at step {step:,}{before}, by a batch of {len(rows):,} rows{_words(bad, score)}: "
            f"{', '.join(self._named(rows, bad, find=True))}{_more(len(rows), bad)}; no model was saved: look at these "
            f"rows, {remedy}"
        )

    def _named(self, rows: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_], *, find: bool) -> list[str]:
        """The first rows, the bad ones before the others."""
        some = rows[bad] if bad.any() else rows
        shown = some[:_SHOWN].tolist()
        return self._places(shown) if find else [f"row {row + 1:,} of train" for row in shown]

    def state(self) -> State:
        """What was skipped so far, and what a loss is measured by."""
        lowest = None if math.isinf(self._lowest) else self._lowest
        return {"skipped": self.skipped, "in_a_row": self._in_a_row, "lowest": lowest}, {}

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave."""
        self.skipped, self._in_a_row = values["skipped"], values["in_a_row"]
        self._lowest = math.inf if values.get("lowest") is None else values["lowest"]

    def _bad(self, logits: Float32s) -> tuple[npt.NDArray[np.bool_], str]:
        """Which examples stand out, and by what."""
        size = np.abs(logits.reshape(len(logits), -1)).max(1)
        finite = np.isfinite(size)
        if not finite.all():
            return ~finite, "NaN or infinity"
        # A loss is at most a logit, or the difference of two, and ln 2: where it explodes, some logit is beyond this.
        beyond = self.largest_loss / (3 * self._unit)
        return size > beyond, f"beyond {beyond:,.4g} on either side of 0"


def _words(bad: npt.NDArray[np.bool_], score: str) -> str:
    if bad.all():
        return f", all of which score {score}"
    return f" of which {int(bad.sum()):,} score {score}" if bad.any() else ""


def _more(num_rows: int, bad: npt.NDArray[np.bool_]) -> str:
    rest = (int(bad.sum()) or num_rows) - _SHOWN
    return f" and {rest:,} more" if rest > 0 else ""


def check_weights(model: Model, step: int) -> None:
    """All that would be saved of the model. Raises TrainingError where a weight is not finite."""
    tables = model.tables
    arrays: dict[str, npt.NDArray[Any]] = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    for name in tables.layout.ranges:
        arrays |= {f"table {name}: latent": tables.latent(name), f"table {name}: linear": tables.linear(name)}
    found = not_finite(arrays)
    if found is not None:
        raise TrainingError(f"after step {step:,} {found}; no model was saved: {REMEDY}")
