"""Types of arrays, and weights that nobody gave."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Groups", "Weights", "weights_of"]

Floats = npt.NDArray[Any]
Weights = npt.NDArray[np.float64]
Groups = npt.NDArray[np.uint64]


def weights_of(labels: Floats, example_weights: Floats | None) -> Weights:
    """float64 [N]; all 1 where none are given."""
    return np.ones(len(labels)) if example_weights is None else example_weights.astype(np.float64)
