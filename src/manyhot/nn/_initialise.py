"""Fresh numbers of tables."""

from __future__ import annotations

import math

import numpy as np

from manyhot.kernels import Float32s
from manyhot.schema import Initializer

__all__ = ["draw"]

_CUT = 2.0  # standard deviations, as TensorFlow's truncated_normal
ROWS_AT_A_TIME = 1 << 20  # so that a large table does not need its size twice


def draw(table: Float32s, generator: np.random.Generator, kind: Initializer, scale: float) -> None:
    """Fills a table [V, K]: "normal" N(0, scale^2), "truncated_normal" the same drawn again beyond two deviations,
    "uniform" in [-scale, scale], "glorot" in [-a, a] with a = sqrt(6 / (V + K)) (Glorot & Bengio 2010, eq. 16), or
    "zeros".
    """
    if kind == "glorot":
        scale = math.sqrt(6 / sum(table.shape))
    if kind == "zeros" or scale == 0:
        table[:] = 0
        return
    for first in range(0, len(table), ROWS_AT_A_TIME):
        part = table[first : first + ROWS_AT_A_TIME]
        if kind in ("uniform", "glorot"):
            part[:] = (2 * generator.random(part.shape, np.float32) - 1) * np.float32(scale)
            continue
        numbers = generator.standard_normal(part.shape, np.float32)
        while kind == "truncated_normal" and (beyond := np.abs(numbers) > _CUT).any():
            numbers[beyond] = generator.standard_normal(int(beyond.sum()), np.float32)
        part[:] = numbers * np.float32(scale)
