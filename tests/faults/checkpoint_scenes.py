"""Checkpoints with contents that their step alone decides, and the situations in which a writer meets a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manyhot.storage import CheckpointFolder

__all__ = ["LARGE", "LEFTOVER", "MEMORY", "SITUATIONS", "Situation", "contents", "step_found", "write"]

# What needs no disk of its own: a sync waits for nothing there.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
LEFTOVER = "step-000000000002.0123456789abcdef.tmp"


def contents(step: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays; those of steps from 100 are large, half a megabyte."""
    random = np.random.default_rng(step)
    size = 700 if step < 100 else 100_000
    arrays = {
        "table": random.random((size // 10, 10), np.float32),
        "moments": random.random(size // 7),
        "position": np.array(step),
        "nothing": np.zeros((0, 4), np.float32),
    }
    return {"step": step, "note": "x" * (step % 50)}, arrays


def write(folder: Path, step: int, **options: Any) -> None:
    """Writes the checkpoint of that step."""
    CheckpointFolder(folder, **options).write(step, *contents(step))


def step_found(folder: Path) -> int | None:
    """The step of the newest checkpoint. Raises AssertionError where one is damaged or is not what was written."""
    told: list[str] = []
    stored = CheckpointFolder(folder).newest(told.append)
    assert not told, told
    if stored is None:
        return None
    header, arrays = contents(stored.step)
    assert stored.header == header, "another header"
    assert stored.arrays.keys() == arrays.keys(), "other arrays"
    for name, array in arrays.items():
        assert stored.arrays[name].dtype == array.dtype, name
        assert np.array_equal(stored.arrays[name], array), name
    return stored.step


@dataclass(frozen=True)
class Situation:
    """before: steps written in peace; then `act` meets the fault; what may be found after: `old` or `new`."""

    name: str
    before: tuple[int, ...]
    act: Callable[..., None]
    old: int | None
    new: int | None

    def prepare(self, folder: Path) -> None:
        for step in self.before:
            write(folder, step)
        if self.name == "leftover":
            (folder / LEFTOVER).mkdir()
            (folder / LEFTOVER / "arrays").write_bytes(b"half")


def _writing(step: int) -> Callable[..., None]:
    return lambda folder, **options: write(folder, step, **options)


def _clearing(folder: Path, **options: Any) -> None:
    CheckpointFolder(folder, **options).clear()


SITUATIONS = (
    Situation("first", (), _writing(1), None, 1),
    Situation("second", (1,), _writing(2), 1, 2),
    Situation("third", (1, 2), _writing(3), 2, 3),
    Situation("leftover", (1,), _writing(2), 1, 2),
    Situation("again", (1, 2), _writing(2), 2, 2),
    Situation("clear", (1, 2), _clearing, 2, None),
)
LARGE = Situation("large", (100,), _writing(101), 100, 101)
