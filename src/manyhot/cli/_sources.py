"""The sources of an experiment."""

from __future__ import annotations

from manyhot.data import Source, open_source
from manyhot.schema import Experiment

__all__ = ["sources_of"]


def sources_of(experiment: Experiment) -> dict[str, Source]:
    """Of "train", and of "valid" and "test" where they are given. Raises DataError."""
    data = experiment.data
    return {
        name: open_source(getattr(data, name), folder=experiment.folder, reading=data.reading)
        for name in ("train", "valid", "test")
        if getattr(data, name) is not None
    }
