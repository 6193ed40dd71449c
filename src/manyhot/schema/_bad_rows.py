"""BadRows: how many rows may be left out before a pass over the rows counts as failed."""

from __future__ import annotations

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["BadRows"]


class BadRows(Config, frozen=True, kw_only=True):
    """How many bad rows are borne: left out of everything and written down. Each source is judged alone, at its end.

    max_rows: their largest number. max_fraction: their largest share of the rows read. Where both are given both must
    hold; where neither is, no bad row is borne.
    """

    max_rows: int | None = None
    max_fraction: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_rows is not None and self.max_rows < 0:
            raise ConfigError(f"bad rows: the largest number of them, {self.max_rows}, must not be negative")
        if self.max_fraction is not None and not 0 <= self.max_fraction <= 1:
            raise ConfigError(f"bad rows: their largest fraction, {self.max_fraction}, must lie between 0 and 1")

    @property
    def any(self) -> bool:
        """Whether a single bad row may be borne."""
        given = [limit for limit in (self.max_rows, self.max_fraction) if limit is not None]
        return bool(given) and all(given)

    def bear(self, num_rejected: int, num_read: int) -> bool:
        """Whether so many of so many rows are few enough."""
        if num_rejected == 0:
            return True
        within_rows = self.max_rows is None or num_rejected <= self.max_rows
        within_fraction = self.max_fraction is None or num_rejected <= self.max_fraction * num_read
        return self.any and within_rows and within_fraction
