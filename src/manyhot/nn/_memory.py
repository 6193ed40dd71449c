"""Whether a table fits into memory, asked before it is made: later the system would end the process without a word."""

from __future__ import annotations

from manyhot.data import available_bytes
from manyhot.errors import ConfigError

__all__ = ["require_memory"]


def require_memory(num_rows: int, row_bytes: int) -> None:
    """Raises ConfigError where num_rows rows of row_bytes are more than there is."""
    needed, available = num_rows * row_bytes, available_bytes()
    if available is not None and needed > available:
        raise ConfigError(
            f"the tables need {needed / 1e9:.1f} GB ({num_rows:,} rows of {row_bytes} bytes with their optimizer "
            f"state), and {available / 1e9:.1f} GB of memory are free; raise min_count, set max_size or hash_buckets "
            "of the large vocabularies, lower embedding_dim, or take a table optimizer with less state (sgd none, "
            "rowwise_adagrad two numbers a row, adagrad one a weight, adam and ftrl two)"
        )
