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
    # Only the pairs of long bags are looked at: they are sorted by bag, then weight, then place in the bag.
    lengths = lengths[long]
    first = np.cumsum(lengths) - lengths
    rank = np.arange(lengths.sum()) - np.repeat(first, lengths)
    pairs = np.repeat(bags.offsets[long], lengths) + rank
    if bags.weights is not None:
        bag = np.repeat(np.arange(len(long)), lengths)
        pairs = pairs[np.lexsort((-np.abs(bags.weights[pairs]), bag))]
    kept = np.ones(bags.offsets[-1], np.bool_)
    kept[pairs[rank >= max_pairs]] = False
    return replace(bags.only(kept), cut=(int(lengths.sum()) - max_pairs * len(long), len(long)))
