"""What training will take: memory against what is free, and time by a few steps of the real loop."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from manyhot.data import Encoder, Examples, TableLayout, available_bytes
from manyhot.kernels import select
from manyhot.nn import Model, build_model, predict_logits, row_ranges, stride_of
from manyhot.schema import Experiment
from manyhot.training import check_batches, check_l2, fit_model, rows_an_epoch, settled, torch_threads

from ._blocks import blocks

__all__ = ["Memory", "Time", "memory_of", "time_of"]

_STEPS, _LEAST_STEPS = 25, 20  # the loop's clock leaves the first five out
_SAMPLE_BLOCK = 512
_VALID_ROWS = 20 * 4096


@dataclass(frozen=True)
class Memory:
    """Bytes. tables: all rows with their optimizer state. best_copy: the weights that early stopping keeps.
    averages: of the weights, and the copy that gives way to them in a validation. examples: the encoded rows of all
    parts, mapped from disk, so that they need not fit. free: now; None where unknown."""

    table_rows: int
    row_bytes: int
    tables: int
    best_copy: int
    averages: int
    examples: int
    free: int | None


@dataclass(frozen=True)
class Time:
    """Measured on this machine now, by `steps` steps of the training loop on a sample of the rows.

    seconds_an_epoch: train's rows at that rate, and looks at valid. seconds: for all epochs; early stopping may end
    sooner. Reading and encoding are left out, since the encoded rows are in the cache.
    """

    steps: int
    examples_per_second: float
    valid_examples_per_second: float | None
    seconds_an_epoch: float
    seconds: float


def memory_of(config: Experiment, encoder: Encoder, parts: dict[str, Examples]) -> Memory:
    """Raises ConfigError where the vocabularies have more rows than ids can name."""
    layout, training = TableLayout.of(encoder), settled(config.model, config.training, parts)
    dim = config.model.latent_size(len(config.schema.fields))
    row_bytes = 4 * stride_of(dim, row_ranges(layout, training.table_optimizers))
    return Memory(
        table_rows=layout.num_rows,
        row_bytes=row_bytes,
        tables=layout.num_rows * row_bytes,
        best_copy=layout.num_rows * 4 * (dim + 1) if training.early_stopping else 0,
        averages=layout.num_rows * (2 * 4 * (dim + 1) + 8) if training.averaging else 0,
        examples=sum(_bytes(examples) for examples in parts.values()),
        free=available_bytes(),
    )


def _bytes(examples: Examples) -> int:
    arrays = (a for c in examples.chunks for a in (c.offsets, c.ids, c.weights, c.labels) if a is not None)
    return sum(array.nbytes for array in arrays)


def time_of(config: Experiment, encoder: Encoder, train: Examples, valid: Examples | None) -> Time:
    """Builds the real model and throws it away. Raises ConfigError where it does not fit into memory, TrainingError
    where its loss is not finite within these steps."""
    parts = {"train": train} if valid is None else {"train": train, "valid": valid}
    training = settled(config.model, config.training, parts)
    check_batches(config.model, training, train)
    layout = TableLayout.of(encoder)
    check_l2(training, layout, config.model.latent_size(layout.num_fields), train.num_rows)
    with torch_threads(training.threads):
        network = build_model(
            config.model,
            layout,
            select(training.kernels),
            optimizer=training.table_optimizers,
            seed=training.seed,
            threads=training.threads,
        )
        sample = Examples(blocks(train, _STEPS * training.batch_size, _SAMPLE_BLOCK), train.num_fields)
        steps_an_epoch = max(1, sample.num_rows // training.batch_size)
        epochs = -(-_LEAST_STEPS // steps_an_epoch)
        # All rows of the sample: a step costs the same, and few may be left of a small sample.
        short = msgspec.structs.replace(
            training, epochs=epochs, early_stopping=None, validate_every=None, keep_negatives=1.0
        )
        clock = fit_model(network, short, sample, None, lambda report: None)
        valid_rate = None if valid is None else _valid_rate(network, valid)
    num_rows = rows_an_epoch(training, train)
    epoch = num_rows / clock.examples_per_second
    if valid is not None and valid_rate is not None:
        every = training.validate_every or -(-num_rows // training.batch_size)
        epoch += num_rows / training.batch_size / every * valid.num_rows / valid_rate
    return Time(clock.steps, clock.examples_per_second, valid_rate, epoch, epoch * training.epochs)


def _valid_rate(network: Model, valid: Examples) -> float:
    sample = Examples(blocks(valid, _VALID_ROWS, _SAMPLE_BLOCK), valid.num_fields)
    started = time.perf_counter()
    predict_logits(network, sample)
    return sample.num_rows / (time.perf_counter() - started)
