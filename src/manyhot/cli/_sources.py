"""The sources of an experiment."""

from __future__ import annotations

from manyhot.data import Source, open_part
from manyhot.schema import Experiment, Part

__all__ = ["sources_of"]


def sources_of(experiment: Experiment) -> dict[Part, Source]:
    """Of "train", and of "valid" and "test" where they are given. Raises DataError."""
    parts: tuple[Part, ...] = ("train", "valid", "test")
    return {part: open_part(experiment, part) for part in parts if getattr(experiment.data, part) is not None}
