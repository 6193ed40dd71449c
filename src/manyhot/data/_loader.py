"""Loader: batches of Examples with their row plans, in order or shuffled."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from manyhot.kernels import Batch, Kernels

from ._examples import Examples
from ._in_order import available_threads
from ._layout import TableLayout
from ._whole_groups import WholeGroups

__all__ = ["Loader"]

Rows = npt.NDArray[np.int64]

# Shuffling: rows move in blocks, and singly within windows of many blocks from anywhere. A window fits in a cache and a
# block is read in one go, so that neither memory nor disk is met in random order row by row.
BLOCK_ROWS, WINDOW_ROWS = 32, 1 << 16
# Batches are made several at a time: small ones, so that they do not cost a call each; and one for each core, within
# what memory bears.
_LEAST_EXAMPLES, _MOST_EXAMPLES = 8192, 1 << 18


class Loader:
    """Batches of Examples; the same seed and epoch give the same batches.

    shuffle_seed: None keeps the order of the rows. with_plan: make row plans for the backward pass. num_threads: cores
    that make batches, between the steps of the loop and not beside them: a thread of its own would take from the
    matmuls more than it gives (docs/performance.md); None: all that the process may use.

    Where rows are shuffled: keep_negatives is the share of the rows of label 0 that an epoch holds, drawn anew for each
    by the number of the row. whole_groups: a batch holds whole groups and knows them (see WholeGroups); the Examples
    must have groups.
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
        num_threads: int | None = None,
        keep_negatives: float = 1.0,
        whole_groups: bool = False,
    ) -> None:
        self.num_rows, self.batch_size = examples.num_rows, batch_size
        self._examples, self._store, self._layout = examples, examples.store(kernels), layout
        self._shuffle_seed, self._with_plan = shuffle_seed, with_plan
        self._num_threads = num_threads or available_threads()
        labels, groups = examples.labels, examples.groups if whole_groups else None
        self._positives = labels > 0 if labels is not None and keep_negatives < 1 else None
        self._keep_negatives, self._groups = keep_negatives, WholeGroups(groups) if groups is not None else None

    def epoch(self, epoch: int = 0, first: int = 0) -> Iterator[Batch]:
        """All rows once, or those kept; the last batch may be smaller, or larger by one. first: so many batches are
        left out; no row of them is gathered."""
        least, most = (-(-examples // self.batch_size) for examples in (_LEAST_EXAMPLES, _MOST_EXAMPLES))
        at_a_time = max(least, min(self._num_threads, most))
        pieces = itertools.islice(self._pieces(epoch), first, None)
        while group := list(itertools.islice(pieces, at_a_time)):
            yield from self.batches(group)

    def rows(self, epoch: int, number: int) -> Rows:
        """The numbers of the rows, int64, in batch `number` (from 0) of an epoch; finding them costs a shuffle."""
        return next(itertools.islice(self._pieces(epoch), number, None))

    def batches(self, rows: list[Rows]) -> list[Batch]:
        """The batch of each of these arrays of row numbers (int64), in their order."""
        layout = self._layout
        with self._examples.telling_damage():
            made = self._store.gather(
                rows,
                layout.bases,
                layout.combiners,
                num_table_rows=layout.num_rows if self._with_plan else None,
                num_threads=self._num_threads,
            )
        if self._groups is None:
            return made
        groups = self._groups.groups
        return [dataclasses.replace(batch, groups=groups[part]) for batch, part in zip(made, rows, strict=True)]

    def _pieces(self, epoch: int) -> Iterator[Rows]:
        """Row numbers of each batch."""
        kept = self._kept(epoch)
        if self._groups is not None and self._shuffle_seed is not None:
            num_read = 0
            rng = np.random.default_rng([self._shuffle_seed, epoch])
            for part in self._groups.batches(rng, kept, self.batch_size):
                num_read += len(part)
                if num_read >= WINDOW_ROWS:
                    self._examples.release()
                    num_read = 0
                yield part
            return
        rest, windows = np.zeros(0, np.int64), self._windows(epoch, kept)
        for size in self._sizes(self.num_rows if kept is None else int(kept.sum())):
            while len(rest) < size:
                self._examples.release()  # of the windows before
                rest = np.concatenate([rest, next(windows)])
            yield rest[:size]
            rest = rest[size:]

    @property
    def num_batches(self) -> int:
        """Of an epoch; where it draws negatives, of the first."""
        kept = self._kept(0)
        return len(self._sizes(self.num_rows if kept is None else int(kept.sum())))

    def _kept(self, epoch: int) -> npt.NDArray[np.bool_] | None:
        """Which rows take part, bool [num_rows]; None: all."""
        if self._positives is None or self._shuffle_seed is None:
            return None
        draws = np.random.default_rng([self._shuffle_seed, epoch, 1]).random(self.num_rows, np.float32)
        return self._positives | (draws < self._keep_negatives)

    def _sizes(self, num_rows: int) -> list[int]:
        """Of the batches. None is a single row beside others, since batch norm has no variance of one."""
        whole, rest = divmod(num_rows, self.batch_size)
        sizes = [self.batch_size] * whole
        if rest == 1 and whole and self.batch_size > 1:
            sizes[-1] += 1
        elif rest:
            sizes.append(rest)
        return sizes

    def _windows(self, epoch: int, kept: npt.NDArray[np.bool_] | None) -> Iterator[Rows]:
        """The numbers of all rows, or of those kept, a window at a time."""
        if self._shuffle_seed is None:
            for first in range(0, self.num_rows, WINDOW_ROWS):
                yield np.arange(first, min(first + WINDOW_ROWS, self.num_rows))
            return
        rng = np.random.default_rng([self._shuffle_seed, epoch])
        blocks = rng.permutation(-(-self.num_rows // BLOCK_ROWS))
        per_window = WINDOW_ROWS // BLOCK_ROWS
        for first in range(0, len(blocks), per_window):
            starts = blocks[first : first + per_window] * BLOCK_ROWS
            rows = (starts[:, None] + np.arange(BLOCK_ROWS)).reshape(-1)
            rows = rows[rows < self.num_rows]
            yield rng.permutation(rows if kept is None else rows[kept[rows]])
