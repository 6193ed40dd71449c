"""max_pairs: long bags keep their heaviest pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ._bags import Bags

__all__ = ["heaviest"]


def heaviest(bags: Bags, max_pairs: int) -> Bags:
    """Of each bag the max_pairs pairs of the largest |weight|, of equal ones the first, in the order they had.

    The bags tell in `cut` what was taken from them.
    """
    lengths = np.diff(bags.offsets)
    long = np.flatnonzero(lengths > max_pairs)
    if not len(long):
        return bags
    # Only the pairs of long bags are looked at.
    lengths = lengths[long]
    first = np.cumsum(lengths) - lengths
    place = np.arange(lengths.sum()) - np.repeat(first, lengths)
    pairs = np.repeat(bags.offsets[long], lengths) + place
    if bags.weights is None:
        keep = place < max_pairs
    else:
        # The bits of a float32 that is not negative rise with it, so one sort of numbers (bag, weight), which is far
        # quicker than an argsort by two keys, finds the lightest weight that each bag keeps. The bags are in order
        # already, and the stable sort is the one that gains by it.
        weights = np.abs(bags.weights[pairs]).view(np.uint32)
        keys = np.repeat(np.arange(len(long), dtype=np.uint64) << np.uint64(32), lengths) | weights
        last = np.sort(keys, kind="stable")[first + lengths - max_pairs].astype(np.uint32)  # drops the bag
        lightest = np.repeat(last, lengths)
        heavier, equal = weights > lightest, weights == lightest
        room = max_pairs - np.add.reduceat(heavier, first, dtype=np.int64)
        equal_before = np.cumsum(equal) - equal
        keep = heavier | (equal & (equal_before < np.repeat(equal_before[first] + room, lengths)))
    kept = np.ones(bags.offsets[-1], np.bool_)
    kept[pairs[~keep]] = False
    return replace(bags.only(kept), cut=(int(lengths.sum()) - max_pairs * len(long), len(long)))
