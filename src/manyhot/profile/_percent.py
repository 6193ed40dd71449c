"""Shares in words."""

from __future__ import annotations

__all__ = ["percent"]


def percent(share: float) -> str:
    """ "14 %", "4.4 %", "< 0.1 %"; what is not all of it never reads as 100 %."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0 < share < 0.0995:
        return f"{100 * share:.1f} %"
    return f"{100 if share == 1 else min(100 * share, 99):.0f} %"
