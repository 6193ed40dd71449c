"""Isotonic regression: the rising function of the logits that fits the labels best (Zadrozny & Elkan 2002)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Isotonic", "fit_isotonic"]

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Isotonic:
    """The probability at each of some logits, straight lines between them, constant outside.

    logits float64 [K], ascending; probabilities float64 [K], never falling, above 0 and below 1. Raises ValueError.
    """

    logits: Float64s
    probabilities: Float64s

    def __post_init__(self) -> None:
        x, y = self.logits, self.probabilities
        if x.ndim != 1 or x.shape != y.shape or not len(x) or x.dtype != np.float64 or y.dtype != np.float64:
            raise ValueError(f"an isotonic calibration of shapes {x.shape} and {y.shape}")
        if not (np.isfinite(x).all() and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all() and 0 < y[0] <= y[-1] < 1):
            raise ValueError("an isotonic calibration that is not rising within (0, 1)")

    def __call__(self, logits: Float32s) -> Float32s:
        """float32 [N] of float32 [N]; what is not finite becomes NaN, so that it stays to be seen."""
        z = logits.astype(np.float64)
        above = np.minimum(np.searchsorted(self.logits, z), len(self.logits) - 1)
        # rounding could carry the end of a line above the point it leads to
        p = np.minimum(np.interp(z, self.logits, self.probabilities), self.probabilities[above])
        p = np.where(np.isfinite(z), p, np.nan)
        return (np.log(p) - np.log1p(-p)).astype(np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For a file."""
        return {"logits": self.logits, "probabilities": self.probabilities}


def fit_isotonic(labels: Float64s, logits: Float64s, weights: Float64s) -> Isotonic:
    """labels {0, 1} of both classes, logits, weights above 0 of mean 1, [N]; rows of one logit are one point.

    Rows at either end that are all of one class would get 0 or 1, and one such row to be scored an infinite loss. They
    get 1 / (m + 2) and (m + 1) / (m + 2) instead, m being their weight (Laplace's rule of succession), but no more or
    less than their neighbours.
    """
    order = np.argsort(logits, kind="stable")
    logits, labels, weights = logits[order], labels[order], weights[order]
    starts = np.flatnonzero(np.append(True, logits[1:] != logits[:-1]))
    points = logits[starts]
    masses, positives = np.add.reduceat(weights, starts), np.add.reduceat(weights * labels, starts)
    sizes, masses, rates = _pool(masses, positives)
    if len(rates) > 1:
        if rates[0] == 0:
            rates[0] = min(1 / (masses[0] + 2), rates[1])
        if rates[-1] == 1:
            rates[-1] = max((masses[-1] + 1) / (masses[-1] + 2), rates[-2])
    ends = np.cumsum(sizes)
    kept = np.unique(np.concatenate([ends - sizes, ends - 1]))  # the first and the last point of each block
    return Isotonic(points[kept], np.repeat(rates, sizes)[kept])


def _pool(masses: Float64s, positives: Float64s) -> tuple[npt.NDArray[np.int64], Float64s, Float64s]:
    """Pools adjacent violators: how many points are in each block, its weight, its rate; rates rise. [blocks]."""
    rates = positives / masses
    starts = np.flatnonzero(np.append(True, rates[1:] > rates[:-1]))  # each run of rates that do not rise is one block
    runs = np.diff(np.append(starts, len(masses)))
    sizes: list[int] = []
    mass: list[float] = []
    positive: list[float] = []
    summed = (np.add.reduceat(part, starts).tolist() for part in (masses, positives))
    for size, m, p in zip(runs.tolist(), *summed, strict=True):
        while sizes and positive[-1] * m >= p * mass[-1]:
            size, m, p = size + sizes.pop(), m + mass.pop(), p + positive.pop()
        sizes.append(size)
        mass.append(m)
        positive.append(p)
    pooled = np.array(mass)
    return np.array(sizes), pooled, np.array(positive) / pooled
