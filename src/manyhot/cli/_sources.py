"""The sources of an experiment."""

from __future__ import annotations

from manyhot.data import Source, open_source
from manyhot.schema import Experiment, Part

__all__ = ["sources_of"]


def sources_of(experiment: Experiment) -> dict[Part, Source]:
    """Of "train", and of "valid" and "test" where they are given. Raises DataError."""
    data = experiment.data
    names: tuple[Part, ...] = ("train", "valid", "test")
    return {
        name: open_source(getattr(data, name), folder=experiment.folder, reading=data.reading)
        for name in names
        if getattr(data, name) is not None
    }
