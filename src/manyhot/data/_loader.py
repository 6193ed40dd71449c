"""Loader: shuffled batches with their row plans, made by a thread ahead of the training loop."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.kernels import Float32s, Jagged, Kernels, RowPlan

from ._examples import Examples
from ._layout import TableLayout

__all__ = ["Batch", "Loader"]


@dataclass(frozen=True)
class Batch:
    """jagged: B examples with normalised weights and ids that are table rows; labels float32 [B], empty where unknown;
    plan: the pairs grouped by row, None where no backward pass is meant."""

    jagged: Jagged
    labels: Float32s
    plan: RowPlan | None


class Loader:
    """Batches of Examples, in order or shuffled; the same seed and epoch give the same batches.

    with_plan: make row plans for the backward pass. num_ahead: batches made in the background before they are asked
        for.
    """

    def __init__(
        self,
        examples: Examples,
        layout: TableLayout,
        kernels: Kernels,
        batch_size: int,
        *,
        shuffle_seed: int | None = None,
        with_plan: bool = False,
        num_ahead: int = 4,
    ) -> None:
        self.num_rows, self.batch_size = examples.num_rows, batch_size
        self._store, self._layout, self._kernels = examples.store(kernels), layout, kernels
        self._shuffle_seed, self._with_plan, self._num_ahead = shuffle_seed, with_plan, num_ahead

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        """All rows once; the last batch may be smaller, or larger by one.

        The thread ends with the iteration, also when that is abandoned.
        """
        order = self._order(epoch)
        ready: queue.Queue[Batch | BaseException | None] = queue.Queue(self._num_ahead)
        stop = threading.Event()

        def put(item: Batch | BaseException | None) -> None:
            while not stop.is_set():
                with contextlib.suppress(queue.Full):
                    ready.put(item, timeout=0.1)
                    return

        def work() -> None:
            try:
                for first, last in itertools.pairwise(self._bounds()):
                    if stop.is_set():
                        return
                    put(self.batch(order[first:last]))
                put(None)
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, whatever it is
                put(error)

        thread = threading.Thread(target=work, name="manyhot-loader", daemon=True)
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            thread.join()

    def batch(self, rows: npt.NDArray[np.int64]) -> Batch:
        """The batch of these rows (int64), in this order."""
        jagged, labels = self._store.gather(rows, self._layout.bases, self._layout.combiners)
        plan = self._kernels.plan_rows(jagged, self._layout.num_rows) if self._with_plan else None
        return Batch(jagged, labels, plan)

    def _bounds(self) -> list[int]:
        """Where batches end. No batch holds a single row beside others, since batch norm has no variance of one."""
        bounds = [*range(0, self.num_rows, self.batch_size), self.num_rows]
        if self.batch_size > 1 and len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
            del bounds[-2]
        return bounds

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        rows = np.arange(self.num_rows, dtype=np.int64)
        if self._shuffle_seed is not None:
            np.random.default_rng([self._shuffle_seed, epoch]).shuffle(rows)
        return rows
