"""manyhot's logistic regression on the case lr: one pass from Examples on disk, log loss on the test rows.

The time is that of the whole pass: shuffling, loader and loop.
"""

from __future__ import annotations

import time

import numpy as np
from _case import Case, arguments, report

from manyhot import __version__
from manyhot.bench import CASES, build_case, write_case
from manyhot.data import EncodedChunk, Examples
from manyhot.metrics import log_loss
from manyhot.nn import predict_logits
from manyhot.schema import SettledTraining, TableOptimizer
from manyhot.training import fit_model


def main() -> None:
    options = arguments(more={"learning-rate": "0.2"})
    case = Case(options.data)
    everything = write_case(CASES["lr"], options.data)
    train, test = split(everything, case.facts["num_examples"])
    # The loss is a mean over a large batch: gradients are small, and so must be what their squares are added to.
    settings = TableOptimizer(optimizer="adagrad", learning_rate=float(options.learning_rate), initial_accumulator=1e-8)
    model = build_case(CASES["lr"], optimizer=settings)
    config = SettledTraining(batch_size=case.batch_size, epochs=1, threads=options.threads)
    started = time.perf_counter()
    fit_model(model, config, train, None, lambda report: None)
    seconds = time.perf_counter() - started
    loss = log_loss(test.labels, predict_logits(model, test))
    speed = {"examples_per_second": train.num_rows / seconds}
    report("manyhot", case, "float32", loss, speed, {"manyhot": __version__})


def split(examples: Examples, first_test: int) -> tuple[Examples, Examples]:
    """Rows before and from first_test, without a copy."""
    parts: tuple[list[EncodedChunk], list[EncodedChunk]] = ([], [])
    seen = 0
    for chunk in examples.chunks:
        rows = (len(chunk.offsets) - 1) // examples.num_fields
        cut = min(max(first_test - seen, 0), rows)
        for part, (a, b) in zip(parts, ((0, cut), (cut, rows)), strict=True):
            bags = chunk.offsets[a * examples.num_fields : b * examples.num_fields + 1]
            pairs = slice(bags[0], bags[-1])
            weights = None if chunk.weights is None else chunk.weights[pairs]
            offsets = (bags - bags[0]).astype(np.int32)
            part.append(EncodedChunk(offsets, chunk.ids[pairs], weights, chunk.labels[a:b]))
        seen += rows
    return Examples(parts[0], examples.num_fields), Examples(parts[1], examples.num_fields)


if __name__ == "__main__":
    main()
