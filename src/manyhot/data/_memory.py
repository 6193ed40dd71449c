"""How much memory is free."""

from __future__ import annotations

from pathlib import Path

__all__ = ["available_bytes"]

_MEMINFO, _CGROUP, _OWN_CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_CACHED = ("active_file ", "inactive_file ")  # contents of files, which count as used and are given up for others


def available_bytes() -> int | None:
    """Memory that may still be taken: of the machine, and of the container where it has a limit. None where unknown."""
    free = []
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            free.append(int(line.split()[1]) * 1024)
    for group in _groups():
        limit, used = (_lines(group / name) for name in ("memory.max", "memory.current"))
        if limit and used and limit[0].isdigit():
            cached = sum(int(line.split()[1]) for line in _lines(group / "memory.stat") if line.startswith(_CACHED))
            free.append(int(limit[0]) - int(used[0]) + cached)
    return max(0, min(free)) if free else None


def _groups() -> list[Path]:
    """Of control groups the one of this process and all above it, each of which may have a limit."""
    for line in _lines(_OWN_CGROUP):
        if line.startswith("0::/"):
            own = _CGROUP / line[len("0::/") :]
            return [own, *(group for group in own.parents if group.is_relative_to(_CGROUP))]
    return [_CGROUP]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
