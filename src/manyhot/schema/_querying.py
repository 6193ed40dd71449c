"""Querying: where SQL is run, and within which limits."""

from __future__ import annotations

import re

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Querying"]

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([KMGT])(i)?)?B", re.IGNORECASE)
_DATABASE = re.compile(r"[a-z]+://")


class Querying(Config, frozen=True, kw_only=True):
    """How SQL is run. Unlike a Reading it goes into no model file: it may name a user, and a model needs no query.

    database: where SQL is run, as "sqlite:///clicks.db" or "postgresql://user:${PGPASSWORD}@host/db"; None runs it in
        the embedded engine (DuckDB), over files.
    memory_limit: of the embedded engine, as "1GB"; None is its own, 80 % of the memory. What needs more is spilled, and
        encoded rows that take more stay in their file.
    temp_directory: where it spills; None is the system's. Relative to the experiment.
    threads: of the embedded engine; None takes all cores the process may use.
    """

    database: str | None = None
    memory_limit: str | None = None
    temp_directory: str | None = None
    threads: int | None = None

    @property
    def memory_limit_bytes(self) -> int | None:
        """The memory limit as a number. Raises ConfigError where it is none."""
        if self.memory_limit is None:
            return None
        amount = _AMOUNT.fullmatch(self.memory_limit.strip())
        if amount is None:
            raise ConfigError(f'data: memory_limit = "{self.memory_limit}" is no amount of memory; write it like "1GB"')
        number, prefix, binary = amount.groups()
        return int(float(number) * (1024 if binary else 1000) ** " KMGT".index((prefix or " ").upper()))

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.memory_limit_bytes  # which checks it
        if self.database is not None and not _DATABASE.match(self.database):
            # Not shown, as it may hold a password.
            raise ConfigError(
                'data: database must be a URL, for example "sqlite:///clicks.db" or "postgresql://user@host/clicks"'
            )
