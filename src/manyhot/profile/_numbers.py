"""Numeric transforms for a column of amounts, and the reason for each."""

from __future__ import annotations

import numpy as np

from ._values import Float64s

__all__ = ["propose_steps"]

_SKEWED = 20.0  # the largest value beyond so many medians
_FEW = 20


def propose_steps(numbers: Float64s) -> tuple[tuple[str, ...], str]:
    """A pipeline for finite numbers [N], N > 0, and why.

    Few values become a bucket each. Whole skewed numbers from about 0 are counts: the rule of the Criteo winners, a
    token each for small ones and ever wider buckets. Skewed real ones become one value on a logarithmic scale, cut
    where the last thousandth begins. What is left becomes buckets of equal share.
    """
    values = np.unique(numbers)
    low, middle, high = float(values[0]), float(np.median(numbers)), float(values[-1])
    spread = f"median {_text(middle)}, largest {_text(high)}"
    if len(values) <= _FEW:
        boundaries = ", ".join(_text(v, exact=True) for v in values[1:])
        return (f"bucket({boundaries})",) if boundaries else (
            "bucket(0)",
        ), f"few values ({len(values)}): one bucket each"
    whole = bool((numbers == np.floor(numbers)).all())
    skewed = low >= -10 and high > _SKEWED * max(middle, 0.0) and high > 2
    if whole and skewed:
        return ("log2_bucket",), f"skewed counts: {spread}"
    if skewed and low >= 0:
        top = float(np.quantile(numbers, 0.999))
        return (f"clip(0, {_text(_round_up(top), exact=True)})", "log1p", "minmax"), f"skewed: {spread}"
    return ("quantile_bucket(20)",), f"from {_text(low)} to {_text(high)}: 20 buckets of equal share"


def _round_up(value: float) -> float:
    """To two digits: a bound people can read."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 1) if value > 0 else 1.0
    return float(f"{np.ceil(value / unit - 1e-9) * unit:.2g}")


def _text(value: float, exact: bool = False) -> str:
    """For people; exact: as a transform's argument, which reads back as the same number."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value)) if exact else f"{int(value):,}"
    return repr(float(value)) if exact else f"{value:,.4g}"
