"""A model that trains in a moment."""

from __future__ import annotations

import functools

import pyarrow as pa

from manyhot.schema import LR, Field, Schema, TrainingConfig
from manyhot.training import Run, train

__all__ = ["small_model"]


@functools.cache
def small_model() -> Run:
    """Of 500 cities and a click."""
    rows = pa.table({"city": [f"city {i % 500}" for i in range(1000)], "clicked": [i % 3 // 2 for i in range(1000)]})
    schema = Schema(label="clicked", fields=[Field("city")])
    return train(schema, LR(), train=rows, training=TrainingConfig(epochs=1, batch_size=100, threads=1))
