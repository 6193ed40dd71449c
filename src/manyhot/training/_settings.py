"""What the settings of a training come to before it starts: shared by `train` and by whoever looks ahead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import torch

from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig, Schema, TrainingConfig

__all__ = ["check_batches", "check_settings", "schema_for", "torch_threads"]


def check_settings(training: TrainingConfig, schema: Schema, *, has_valid: bool) -> None:
    """Raises ConfigError where a setting needs rows of valid, or a group, and there are none."""
    if training.early_stopping is not None and not has_valid:
        raise ConfigError("early_stopping needs rows it can look at; give valid")
    if training.validate_every is not None and not has_valid:
        raise ConfigError("validate_every needs rows it can look at; give valid")
    if training.calibration is not None and not has_valid:
        raise ConfigError("calibration is fitted on rows that training does not learn from; give valid")
    if training.early_stopping is not None and training.early_stopping.metric == "gauc" and schema.group is None:
        raise ConfigError('early_stopping by "gauc" needs a group; name its column in the schema')


def check_batches(model: ModelConfig, training: TrainingConfig, num_rows: int) -> None:
    """Raises ConfigError where a batch of num_rows rows of train would be of one example and batch norm needs two."""
    if model.batch_norm and min(training.batch_size, num_rows) == 1:
        raise ConfigError("batch_norm needs batches of at least two examples; raise batch_size or add rows")


def schema_for(model: ModelConfig, schema: Schema) -> Schema:
    """The schema as the model reads it: preset = "article" sums where a field names no combiner."""
    if model.preset != "article":
        return schema
    fields = tuple(msgspec.structs.replace(f, combiner=f.combiner or "sum") for f in schema.fields)
    return msgspec.structs.replace(schema, fields=fields)


@contextlib.contextmanager
def torch_threads(number: int | None) -> Iterator[None]:
    """So many threads for torch's own work inside; None leaves its number."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
