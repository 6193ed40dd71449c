"""What is done about a batch that gives NaN or infinity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.data import Loader
from manyhot.errors import TrainingError
from manyhot.nn import Model, not_finite

from ._reports import Listener
from ._state import Arrays, State

__all__ = ["REMEDY", "NonFinite", "check_weights"]

REMEDY = "lower the learning rates of training.tables and training.dense"
MOST_IN_A_ROW, MOST, MOST_SHARE = 10, 10, 0.01  # batches skipped; of all steps so far
_SHOWN = 3


class NonFinite:
    """Stops the training, or counts what is skipped. policy: "stop" or "skip"; places: where rows of train, from 0,
    come from."""

    def __init__(
        self, policy: str, loader: Loader, places: Callable[[Sequence[int]], list[str]], listener: Listener
    ) -> None:
        self._policy, self._loader, self._places, self._listener = policy, loader, places, listener
        self.skipped, self._in_a_row = 0, 0

    def passed(self) -> None:
        """A batch was learned from."""
        self._in_a_row = 0

    def met(self, what: str, bad: npt.NDArray[np.bool_], epoch: int, number: int, step: int) -> None:
        """Batch `number` of an epoch, whose examples `bad` score NaN or infinity, was not learned from. Raises
        TrainingError by the policy."""
        self.skipped, self._in_a_row = self.skipped + 1, self._in_a_row + 1
        rows = self._loader.rows(epoch, number)
        is_too_much = self._in_a_row > MOST_IN_A_ROW or self.skipped > max(MOST, MOST_SHARE * step)
        if self._policy == "skip" and not is_too_much:
            report = {"event": "skipped", "epoch": epoch, "step": step, "what": what}
            self._listener({**report, "rows": self._named(rows, bad, find=self.skipped == 1)})
            return
        before = f", after {self.skipped - 1:,} such batches were skipped" if self._policy == "skip" else ""
        remedy = REMEDY if self._policy == "skip" else f'{REMEDY}, or say non_finite = "skip" in [training]'
        raise TrainingError(
            f"{what} at step {step:,}{before}, by a batch of {len(rows):,} rows{_words(bad)}: "
            f"{', '.join(self._named(rows, bad, find=True))}{_more(len(rows), bad)}; nothing was saved: look at these "
            f"rows, {remedy}"
        )

    def _named(self, rows: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_], *, find: bool) -> list[str]:
        """The first rows, the bad ones before the others."""
        some = rows[bad] if bad.any() else rows
        shown = some[:_SHOWN].tolist()
        return self._places(shown) if find else [f"row {row + 1:,} of train" for row in shown]

    def state(self) -> State:
        """What was skipped so far."""
        return {"skipped": self.skipped, "in_a_row": self._in_a_row}, {}

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave."""
        self.skipped, self._in_a_row = values["skipped"], values["in_a_row"]


def _words(bad: npt.NDArray[np.bool_]) -> str:
    if bad.all():
        return ", all of which score NaN or infinity"
    return f" of which {int(bad.sum()):,} score NaN or infinity" if bad.any() else ""


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
        raise TrainingError(f"after step {step:,} {found}; nothing was saved: {REMEDY}")
