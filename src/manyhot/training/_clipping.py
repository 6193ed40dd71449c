"""Clipping of a batch's gradients by their norm."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from torch import Tensor

from manyhot.kernels import Float32s

__all__ = ["clip"]


def clip(parameters: Iterable[Tensor], row_gradients: Float32s, largest: float) -> float:
    """The factor that brings the L2 norm of all gradients, those of the rows [R, D+1] among them, down to `largest`; 1
    where it is not above. The gradients of the parameters are multiplied by it, those of the rows are left to the
    caller. A norm that is not finite gives NaN, and changes nothing."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    # numpy sums in one order, whatever the number of threads; in float64 squares of float32 never overflow.
    squares = [np.square(g, dtype=np.float64).sum() for g in (row_gradients, *(g.numpy() for g in gradients))]
    norm = math.sqrt(sum(squares))
    if not math.isfinite(norm):
        return math.nan
    if norm <= largest:
        return 1.0
    factor = largest / norm
    for gradient in gradients:
        gradient.mul_(factor)
    return factor
