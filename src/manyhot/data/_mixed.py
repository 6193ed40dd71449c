"""Mixing the bits of whole numbers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["mixed"]

UInt64s: TypeAlias = npt.NDArray[np.uint64]


def mixed(numbers: UInt64s) -> UInt64s:
    """splitmix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of the number."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
