"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["percent"]


def percent(share: float) -> str:
    """ "12.3 %" of 0.123; below one percent two digits that count."""
    number = 100 * share
    return f"{number:.1f} %" if number >= 1 or number == 0 else f"{number:.2g} %"
