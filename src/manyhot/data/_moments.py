"""Moments: least, greatest, mean and deviation of numbers, the same bits in any order and any cuts of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Moments"]

# Every float64 is a whole number of 2^-1126: frexp gives a mantissa of 53 bits, which for the least of them, 2^-1074,
# ends that far down. Totals are whole numbers of it (of its square, for squares), so that adding rounds nothing.
_UNIT = 1126
# A mantissa m is a * 2^36 + b * 2^18 + c, and float64 sums of products of such digits are exact in blocks of this size:
# the largest product, 2ac + b^2, stays below 2^38 and the sum of 2^15 of them below 2^53.
_BLOCK = 1 << 15


@dataclass
class Moments:
    """count numbers; low and high of them; total and squares: their sum and the sum of their squares, without rounding,
    in units of 2^-1126 and 2^-2252."""

    low: float = math.inf
    high: float = -math.inf
    count: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, values: npt.NDArray[np.float64], *, with_sums: bool) -> Moments:
        """Of finite float64 values [N], N > 0. with_sums: total and squares too, which only a mean needs."""
        # Adding 0 turns -0 into 0: which of them min and max give depends on the order.
        moments = cls(float(values.min()) + 0.0, float(values.max()) + 0.0, len(values))
        for first in range(0, len(values) if with_sums else 0, _BLOCK):
            moments._add_sums(values[first : first + _BLOCK])
        return moments

    def _add_sums(self, values: npt.NDArray[np.float64]) -> None:
        fractions, exponents = np.frexp(values)
        rest = fractions * 2.0**17  # digits from the top; nothing here rounds
        high = np.floor(rest)
        rest = (rest - high) * 2.0**18
        middle = np.floor(rest)
        low = (rest - middle) * 2.0**18
        least = int(exponents.min())
        places = exponents - least

        def at(digits: npt.NDArray[np.float64], shift: int, scale: int) -> int:
            """The sum of digits * 2^shift * 2^(scale * exponent), in units of 2^(scale * least)."""
            sums = np.bincount(places, weights=digits)
            return sum(int(sums[place]) << (scale * int(place) + shift) for place in np.flatnonzero(sums))

        total = at(high, 36, 1) + at(middle, 18, 1) + at(low, 0, 1)
        squares = at(high * high, 72, 2) + at(2 * high * middle, 54, 2) + at(2 * high * low + middle * middle, 36, 2)
        squares += at(2 * middle * low, 18, 2) + at(low * low, 0, 2)
        shift = least - 53 + _UNIT
        self.total += total << shift
        self.squares += squares << 2 * shift

    def add(self, other: Moments, times: int = 1) -> None:
        """Takes in the numbers of another part, each `times` times."""
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.count += other.count * times
        self.total += other.total * times
        self.squares += other.squares * times

    def mean(self) -> float:
        """The float64 nearest to the mean; 0 of no numbers."""
        return self.total / (self.count << _UNIT) if self.count else 0.0

    def deviation(self) -> float:
        """The float64 nearest to the square root of the mean squared difference from the mean; 0 of no numbers."""
        spread = self.count * self.squares - self.total**2  # (count * deviation)^2, exactly
        if not spread:
            return 0.0
        # A root of 64 bits or more, and one more bit that says whether anything is left below it, round as the whole.
        shift = max(0, 64 + self.count.bit_length() - spread.bit_length() // 2)
        scaled = spread << 2 * shift
        root = math.isqrt(scaled // self.count**2)
        is_below = (root * self.count) ** 2 != scaled
        return (2 * root + is_below) / (1 << (shift + 1 + _UNIT))
