"""Rows of valid and test that are in train too: hashes of encoded rows, compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.data import EncodedChunk, Examples

from ._blocks import blocks

__all__ = ["Repeats", "TrainRows"]

Hashes = npt.NDArray[np.uint64]

# Hashes of train that are kept at most, 16 MiB; of more rows a share is kept, chosen by the hash itself.
_KEPT = 2**21


@dataclass(frozen=True)
class Repeats:
    """share: of the part's rows, those whose fields are encoded as in some row of train, labels not compared.
    train_share: of train's rows, those encoded as another row of train; what to expect where rows are alike by nature.
    rows: those of the part that were compared, all or a share by hash.
    """

    rows: int
    share: float
    train_share: float


class TrainRows:
    """The hashes of train's rows, sorted, once each; and how often rows of train repeat each other."""

    def __init__(self, examples: Examples) -> None:
        halvings = max(0, (max(examples.num_rows, 1) - 1).bit_length() - _KEPT.bit_length() + 1)
        self._mask = np.uint64((1 << halvings) - 1)
        hashes = self._kept(examples)
        self._hashes, times = np.unique(hashes, return_counts=True)
        self._share = float(times[times > 1].sum() / max(1, len(hashes)))

    def compare(self, examples: Examples) -> Repeats:
        """With the rows of another part."""
        hashes = self._kept(examples)
        places = np.searchsorted(self._hashes, hashes)
        places[places == len(self._hashes)] = 0
        found = self._hashes[places] == hashes if len(self._hashes) else np.zeros(len(hashes), bool)
        return Repeats(len(hashes), float(found.sum() / max(1, len(hashes))), self._share)

    def _kept(self, examples: Examples) -> Hashes:
        parts = [np.zeros(0, np.uint64)]
        for block in blocks(examples):
            hashes = row_hashes(block, examples.num_fields)
            parts.append(hashes[(hashes & self._mask) == 0])
        return np.concatenate(parts)


def row_hashes(block: EncodedChunk, num_fields: int) -> Hashes:
    """uint64 [rows]; the same for rows of the same pairs in the same fields, in whatever order within a bag."""
    lengths = np.diff(block.offsets)
    field_of_pair = np.repeat(np.tile(np.arange(num_fields, dtype=np.uint64), len(lengths) // num_fields), lengths)
    weights = np.ones(len(block.ids), np.float32) if block.weights is None else block.weights
    with np.errstate(over="ignore"):
        pairs = _mixed((field_of_pair << np.uint64(32)) | block.ids.astype(np.uint64))
        pairs = _mixed(pairs + np.ascontiguousarray(weights).view(np.uint32).astype(np.uint64))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(pairs, dtype=np.uint64)])[block.offsets[::num_fields]]
        return _mixed(np.diff(sums))


def _mixed(hashes: Hashes) -> Hashes:
    """The finalizer of splitmix64 (Steele et al. 2014): every bit of the input moves every bit of the output."""
    hashes = hashes + np.uint64(0x9E3779B97F4A7C15)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
