"""Whether a table fits into memory, asked before it is made: later the system would end the process without a word."""

from __future__ import annotations

from pathlib import Path

from manyhot.errors import ConfigError

__all__ = ["available_bytes", "require_memory"]

_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def require_memory(num_rows: int, row_bytes: int) -> None:
    """Raises ConfigError where num_rows rows of row_bytes are more than there is."""
    needed, available = num_rows * row_bytes, available_bytes()
    if available is not None and needed > available:
        raise ConfigError(
            f"the tables need {needed / 1e9:.1f} GB ({num_rows:,} rows of {row_bytes} bytes with their optimizer "
            f"state), and {available / 1e9:.1f} GB of memory are free; raise min_count, set max_size or hash_buckets "
            "of the large vocabularies, lower embedding_dim, or take a table optimizer with less state (sgd none, "
            "adagrad one number a weight, adam and ftrl two)"
        )


def available_bytes() -> int | None:
    """Memory that may still be taken: of the machine, and of the container where it has a limit. None where unknown."""
    free = []
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            free.append(int(line.split()[1]) * 1024)
    limit, used = (_lines(_CGROUP / name) for name in ("memory.max", "memory.current"))
    if limit and used and limit[0].isdigit():
        free.append(int(limit[0]) - int(used[0]))
    return max(0, min(free)) if free else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
