"""What the settings of a training come to before it starts: shared by `train` and by whoever looks ahead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import torch

from manyhot.data import Examples
from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig, Schema, TrainingConfig

__all__ = ["check_batches", "check_settings", "rows_an_epoch", "schema_for", "torch_threads"]


def check_settings(training: TrainingConfig, schema: Schema, *, has_valid: bool) -> None:
    """Raises ConfigError where a setting needs rows of valid, or a group, and there are none."""
    if training.early_stopping is not None and not has_valid:
        raise ConfigError("early_stopping needs rows it can look at; give valid")
    if training.validate_every is not None and not has_valid:
        raise ConfigError("validate_every needs rows it can look at; give valid")
    if training.early_stopping is not None and training.early_stopping.metric == "gauc" and schema.group is None:
        raise ConfigError('early_stopping by "gauc" needs a group; name its column in the schema')
    if training.loss.kind == "bpr" and schema.group is None:
        raise ConfigError('loss "bpr" compares rows of one group; name the column of the group in the schema')


def rows_an_epoch(training: TrainingConfig, train: Examples) -> int:
    """How many rows of train an epoch trains on; where it draws negatives, on the average."""
    if training.keep_negatives == 1 or train.labels is None:
        return train.num_rows
    positives = int((train.labels > 0).sum())
    return positives + round(training.keep_negatives * (train.num_rows - positives))


def check_batches(model: ModelConfig, training: TrainingConfig, train: Examples) -> None:
    """Raises ConfigError where a batch of train would be of one example and batch norm needs two, or where drawing
    negatives may leave nothing."""
    if training.keep_negatives < 1 and train.labels is not None and (train.labels > 0).sum() < 2:
        raise ConfigError("keep_negatives needs at least two positives in train; set it to 1")
    if model.batch_norm and min(training.batch_size, train.num_rows) == 1:
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
