"""Spread: how numbers lie, learned a block at a time in a fixed amount of memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.kernels import Float32s

__all__ = ["Spread", "SpreadReport"]

# Magnitudes are counted in bins a sixteenth of an octave wide: within 4.5 %, from the smallest float32 to the largest.
_PER_OCTAVE = 16
_LOWEST = -150 * _PER_OCTAVE
_BINS = 279 * _PER_OCTAVE
_FAR = 10  # deviations from the mean


@dataclass(frozen=True)
class SpreadReport:
    """mean, deviation, low and high are exact. below: 99.9 % of the magnitudes are at or below it, and a bin less would
    not do. far_share: of the numbers, those in bins that lie wholly more than 10 deviations from the mean."""

    count: int
    mean: float
    deviation: float
    low: float
    high: float
    below: float
    far_share: float


class Spread:
    """Moments, extremes, and a histogram of magnitudes with their signs."""

    def __init__(self) -> None:
        self.count = 0
        self.low, self.high = np.inf, -np.inf
        self._mean = self._squares = 0.0
        self._bins = np.zeros((2, _BINS), np.int64)  # of numbers < 0, and of the others

    def add(self, values: Float32s) -> None:
        """Takes N finite numbers, float32."""
        if not len(values):
            return
        wide = values.astype(np.float64)
        mean, total = float(wide.mean()), self.count + len(wide)
        # Chan et al. 1983: means and squared differences of two parts joined.
        self._squares += float(np.square(wide - mean).sum()) + (mean - self._mean) ** 2 * self.count * len(wide) / total
        self._mean += (mean - self._mean) * len(wide) / total
        self.count = total
        self.low, self.high = min(self.low, float(wide.min())), max(self.high, float(wide.max()))
        negative = wide < 0
        for sign in (0, 1):
            part = wide[negative] if sign == 0 else wide[~negative]
            self._bins[sign] += np.bincount(_bin_of(part), minlength=_BINS)

    def report(self) -> SpreadReport:
        """Of at least one number."""
        deviation = float(np.sqrt(self._squares / self.count))
        magnitudes = self._bins.sum(axis=0)
        highest = int(np.searchsorted(np.cumsum(magnitudes), 0.999 * self.count))
        low, high = _edges()
        # From the mean to the nearer end of a bin of negative numbers, -high..-low, and of others, low..high.
        away = [np.maximum(-high - self._mean, self._mean + low), np.maximum(low - self._mean, self._mean - high)]
        far = sum(int(self._bins[sign][away[sign] > _FAR * deviation].sum()) for sign in (0, 1))
        return SpreadReport(
            self.count,
            self._mean,
            deviation,
            self.low,
            self.high,
            float(high[highest]),
            far / self.count if deviation > 0 else 0.0,
        )


def _bin_of(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Bin 0 is for 0 itself."""
    with np.errstate(divide="ignore"):
        place = np.floor(np.log2(np.abs(values)) * _PER_OCTAVE)
    return np.where(values == 0, 0, np.maximum(place, _LOWEST) - _LOWEST + 1).astype(np.int64)


def _edges() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The smallest and largest magnitude of each bin."""
    high = np.exp2((np.arange(_BINS) + _LOWEST) / _PER_OCTAVE)
    high[0] = 0
    return np.concatenate([[0.0], [0.0], high[1:-1]]), high
