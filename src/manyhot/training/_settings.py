"""What the settings of a training come to before it starts: shared by `train` and by whoever looks ahead."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import torch

from manyhot.data import Examples, TableLayout
from manyhot.errors import ConfigError, nearest_name
from manyhot.nn import row_ranges, stride_of
from manyhot.schema import ModelConfig, Schema, SettledTraining, TableOptimizer, TrainingConfig, settle
from manyhot.storage import MOST_BYTES

__all__ = [
    "MOST_FLOATS_AN_EXAMPLE",
    "check_batches",
    "check_l2",
    "check_settings",
    "check_size",
    "in_words",
    "rows_an_epoch",
    "schema_for",
    "settled",
    "torch_threads",
]

# With l2_rows = "all": of the tables, for each example of a batch. Beyond it the step is mostly reading and writing
# memory: 65,536 floats take some 50 microseconds of a core.
MOST_FLOATS_AN_EXAMPLE = 1 << 16


def check_settings(training: TrainingConfig, schema: Schema, *, has_valid: bool) -> None:
    """Raises ConfigError where a setting needs rows of valid, a group or a vocabulary, and there are none."""
    if training.early_stopping is not None and not has_valid:
        raise ConfigError("early_stopping needs rows it can look at; give valid")
    if training.validate_every is not None and not has_valid:
        raise ConfigError("validate_every needs rows it can look at; give valid")
    if training.calibration is not None and not has_valid:
        raise ConfigError("calibration is fitted on rows that training does not learn from; give valid")
    if training.early_stopping is not None and training.early_stopping.metric == "gauc" and schema.group is None:
        raise ConfigError('early_stopping by "gauc" needs a group; name its column in the schema')
    if training.schedule is not None and training.schedule.kind == "plateau":
        if not has_valid:
            raise ConfigError('schedule "plateau" needs rows it can look at; give valid')
        if training.schedule.metric == "gauc" and schema.group is None:
            raise ConfigError('schedule by "gauc" needs a group; name its column in the schema')
    known = [vocabulary.name for vocabulary in schema.vocabularies]
    for name in training.vocabularies:
        if name not in known:
            raise ConfigError(f'training.vocabularies: there is no vocabulary "{name}"{nearest_name(name, known)}')
    if training.loss.kind == "bpr" and schema.group is None:
        raise ConfigError('loss "bpr" compares rows of one group; name the column of the group in the schema')


def rows_an_epoch(training: TrainingConfig, train: Examples) -> int:
    """How many rows of train an epoch trains on; where it draws negatives, on the average."""
    if training.keep_negatives == 1 or train.labels is None:
        return train.num_rows
    positives = int((train.labels > 0).sum())
    return positives + round(training.keep_negatives * (train.num_rows - positives))


def settled(model: ModelConfig, training: TrainingConfig, parts: Mapping[str, Examples]) -> SettledTraining:
    """What the training comes to on the rows of these parts. preset = "article" takes adagrad where no optimizer of the
    tables is given."""
    if model.preset == "article" and training.tables is None:
        training = msgspec.structs.replace(training, tables=TableOptimizer(optimizer="adagrad"))
    valid = parts.get("valid")
    return settle(training, rows_an_epoch(training, parts["train"]), None if valid is None else valid.num_rows)


def in_words(training: SettledTraining) -> str:
    """What decides how long it lasts: "batches of 256, 30 epochs at most, the end after ..."."""
    parts = [f"batches of {training.batch_size:,}", _counted(training.epochs, "epoch")]
    stopping, every = training.early_stopping, training.validate_every
    if stopping is not None:
        looks = _counted(stopping.patience, "epoch" if every is None else "look")
        looks += "" if every is None else f" ({every:,} steps each)"
        parts[1] += " at most"
        parts.append(f"the end after {looks} without a better {stopping.metric.replace('_', ' ')} on valid")
    if training.averaging is not None:
        parts.append(f"weights averaged by {training.averaging.decay:g} a step")
    return ", ".join([*parts, f"tables by {training.tables.optimizer} {training.tables.learning_rate:.3g}"])


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def check_batches(model: ModelConfig, training: SettledTraining, train: Examples) -> None:
    """Raises ConfigError where a batch of train would be of one example and batch norm needs two, or where drawing
    negatives may leave nothing."""
    if training.keep_negatives < 1 and train.labels is not None and (train.labels > 0).sum() < 2:
        raise ConfigError("keep_negatives needs at least two positives in train; set it to 1")
    if model.batch_norm and min(training.batch_size, train.num_rows) == 1:
        raise ConfigError("batch_norm needs batches of at least two examples; raise batch_size or add rows")


def schema_for(model: ModelConfig, schema: Schema) -> Schema:
    """The schema as the model reads it: preset = "article" sums where a field names no combiner.

    Raises ConfigError where the model names fields that it lacks.
    """
    model.check_fields(schema.vocabulary_of)
    if model.preset != "article":
        return schema
    fields = tuple(msgspec.structs.replace(f, combiner=f.combiner or "sum") for f in schema.fields)
    return msgspec.structs.replace(schema, fields=fields)


def check_size(experiment: Mapping[str, Any]) -> None:
    """Raises ConfigError where an experiment, with every key, is more than a model file can say of itself: before the
    rows are read, and not when all is trained. The other half is for what is fitted and measured."""
    size, most = len(json.dumps(experiment)), MOST_BYTES // 2
    if size > most:
        raise ConfigError(
            f"the experiment takes {size:,} bytes with every key, for {len(experiment['fields']):,} fields, and a "
            f'model file has room for {most:,}; join columns in one field by columns = ["..", ".."], or leave some out'
        )


def check_l2(training: SettledTraining, layout: TableLayout, dim: int, num_rows: int) -> None:
    """Raises ConfigError where l2_rows = "all" would move more of the tables of latent size dim at each step than is
    sensible, or stands beside averaging. num_rows: of train."""
    ranges = row_ranges(layout, training.table_optimizers)
    firsts = (0, *(of.end for of in ranges))
    rows = sum(
        of.end - first
        for first, of in zip(firsts, ranges, strict=False)
        if "all" in (of.latent.l2_rows, of.linear.l2_rows)
    )
    if rows and training.averaging is not None:
        raise ConfigError(
            'averaging follows the rows of the batches, and l2_rows = "all" moves every row; leave out one of them'
        )
    batch, floats = min(training.batch_size, num_rows), rows * stride_of(dim, ranges)
    if floats > MOST_FLOATS_AN_EXAMPLE * batch:
        raise ConfigError(
            f'l2_rows = "all" would move {rows:,} rows at every step, {floats // batch:,} numbers for each example of '
            f"a batch of {batch:,}, and {MOST_FLOATS_AN_EXAMPLE:,} are the most; raise batch_size or min_count, or "
            'take l2_rows = "touched"'
        )


@contextlib.contextmanager
def torch_threads(number: int | None, *, alone: bool = False) -> Iterator[int]:
    """So many threads for torch's own work inside, None leaving its number; alone: one. Gives the number, which the
    kernels are to take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if alone else number or before)
    try:
        yield number or before
    finally:
        torch.set_num_threads(before)
