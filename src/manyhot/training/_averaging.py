"""The average of the weights over the steps of a training, near ones counting most, for validation and the model file.

After step t it is the mean of the weights after steps s = 1 .. t, each counted by decay^(t-s) (Polyak & Juditsky 1992;
the exponential form with Adam's correction of its start). A row of the tables that a step does not touch stays as it
is, so its average comes nearer to it by a factor that the number of steps gives: a step costs time for the rows that
it touches and none for the others. V table rows, D latent size, R rows of a batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from manyhot.kernels import Batch, Float32s, Int32s
from manyhot.nn import Model

from ._state import Arrays, State, fixed

__all__ = ["AveragedWeights"]


class AveragedWeights:
    """Averages of tables and dense part (batch norm's statistics among it), beside the weights being trained.

    Of each row of the tables it keeps `lead` float32 [D+1] = (1 - decay^t) * (average - weights), as of the step that
    touched it last; zeros, which cost no memory, where no step has.
    """

    def __init__(self, model: Model, decay: float) -> None:
        tables = model.tables
        self._model, self._decay, self._num_steps = model, decay, 0
        self._lead: Float32s = np.zeros((len(tables.data), tables.dim + 1), np.float32)
        self._touched = np.zeros(len(tables.data), np.int64)  # the step that did last
        named = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
        self._names, self._weights = list(named), list(named.values())
        self._dense = [tensor.clone() for tensor in self._weights]

    @contextlib.contextmanager
    def step(self, batch: Batch) -> Iterator[None]:
        """Around what moves the weights by a batch with its row plan: takes the new ones into the average."""
        assert batch.plan is not None
        rows, params = batch.plan.rows, self._lead.shape[1]
        before = self._model.tables.data[rows, :params]
        yield
        moved = before - self._model.tables.data[rows, :params]
        counted = 1 - self._decay**self._num_steps  # before this step
        self._lead[rows] = self._decay * (self._lead_now(rows) + np.float32(counted) * moved)
        self._num_steps += 1
        self._touched[rows] = self._num_steps
        share = (1 - self._decay) / (1 - self._decay**self._num_steps)
        torch._foreach_lerp_(self._dense, self._weights, share)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The averages are the model's weights inside."""
        rows = self._rows()
        trained = self._model.tables.data[rows, : self._lead.shape[1]]
        dense = [tensor.clone() for tensor in self._weights]
        self.put()
        try:
            yield
        finally:
            self._model.tables.data[rows, : self._lead.shape[1]] = trained
            self._set(self._weights, dense)

    def put(self) -> None:
        """Makes the averages the model's weights, at the end of the training."""
        if not self._num_steps:
            return
        rows = self._rows()
        lead = self._lead_now(rows) / np.float32(1 - self._decay**self._num_steps)
        self._model.tables.data[rows, : lead.shape[1]] += lead
        self._set(self._weights, self._dense)

    def state(self) -> State:
        """Of the rows that a step has touched, all of them where most are; and of the dense part."""
        rows = self._rows()
        dense = {f"dense.{name}": tensor.numpy() for name, tensor in zip(self._names, self._dense, strict=True)}
        of_rows: Arrays = {"lead": self._lead, "touched": self._touched}
        if 2 * len(rows) < len(self._touched):
            of_rows = fixed({"rows": rows, "lead": self._lead[rows], "touched": self._touched[rows]})
        return {"num_steps": self._num_steps}, {**dense, **of_rows}

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave, before any step."""
        self._num_steps = values["num_steps"]
        rows = arrays.get("rows", np.arange(len(self._touched), dtype=np.int32))
        if not len(rows) == len(arrays["lead"]) == len(arrays["touched"]):
            raise ValueError("averages of some rows are missing")
        self._lead[rows], self._touched[rows] = arrays["lead"], arrays["touched"]
        self._set(self._dense, [torch.tensor(arrays[f"dense.{name}"]) for name in self._names])

    @property
    def num_bytes(self) -> int:
        """Of what `state` gives at most."""
        return self._lead.nbytes + self._touched.nbytes

    def _rows(self) -> Int32s:
        """Rows that any step has touched."""
        return np.flatnonzero(self._touched).astype(np.int32)

    def _lead_now(self, rows: Int32s) -> Float32s:
        """float32 [R, D+1], as of the last step: it shrinks by `decay` a step while a row stays."""
        factors = self._decay ** (self._num_steps - self._touched[rows])
        lead: Float32s = self._lead[rows] * factors.astype(np.float32)[:, None]
        return lead

    @staticmethod
    def _set(tensors: list[torch.Tensor], values: list[torch.Tensor]) -> None:
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)
