"""What a checkpoint costs: seconds of training lost to one, with tables of 8 million rows.

    python benchmarks/checkpoints.py [--rows 8000000] [--checkpoints 11] [--seconds 20] [--folder FOLDER] [--averaging]

One process trains DeepFM (16 latent numbers, adam, an MLP of 400x400x400, batch 4096) without an end. Stretches of
`--seconds` alternate: one without a checkpoint, one that begins with one, written in the background as the training
loop does it. What a stretch lost is its length less the time that its examples take at the rate of the two stretches
around it: a processor's speed drifts by some per cent within minutes, more than is to be measured. Prints the median,
and what it is of the throughput at a checkpoint a minute; then for how long training stood still, how long the writing
took, and what a stop (SIGTERM) has to wait for at best and at worst: for a checkpoint, and for one more that was just
begun. Nine minutes. With --averaging there are averages and best weights too, as by default where valid is given.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from manyhot.bench import CASES, build_case, simulate
from manyhot.data import Examples, Loader
from manyhot.kernels import Batch, select
from manyhot.schema import Averaging, Checkpoints, EarlyStopping, SettledTraining, TableOptimizer
from manyhot.storage import CheckpointFolder
from manyhot.training import BestWeights, Keeper, Learner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--checkpoints", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=Path("runs/checkpoints-bench"))
    parser.add_argument("--averaging", action="store_true")
    arguments = parser.parse_args()
    sizes = CASES["criteo"].vocabulary_sizes
    case = replace(CASES["criteo"], vocabulary_sizes=(*sizes[:-1], arguments.rows - sum(sizes[:-1])))
    model = build_case(case, optimizer=TableOptimizer(optimizer="adam")).train()
    averaging = Averaging() if arguments.averaging else None
    learner = Learner(model, SettledTraining(batch_size=case.batch_size, averaging=averaging))
    examples = Examples(list(simulate(case, arguments.examples, 0)), len(case.fields))
    batches = _batches(Loader(examples, case.layout, select("native"), case.batch_size, shuffle_seed=1, with_plan=True))
    data = model.tables.data
    print(f"{len(data):,} rows of {data.itemsize * data.shape[1]} bytes: {data.nbytes / 1e9:.2f} GB", flush=True)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    keeper = Keeper(CheckpointFolder(arguments.folder), Checkpoints(minutes=1e-6, epochs=0), dict, print)
    _train(learner, batches, 5.0)  # first touches of memory
    while not keeper.due(None, learner.num_bytes):  # the first time it asks for the memory
        _train(learner, batches, 0.0)
    parts: dict[str, Any] = {"learner": learner}
    if arguments.averaging:
        best = BestWeights(EarlyStopping())
        best.update(model, {"log_loss": 0.5})
        parts["best"] = best
    rates = [_rate(learner, batches, arguments.seconds)]
    lost, stood_still = [], []
    for num in range(arguments.checkpoints):
        while not keeper.due(None, learner.num_bytes):
            _train(learner, batches, 0.0)
        began = time.perf_counter()
        keeper.write(num, parts)
        stood_still.append(time.perf_counter() - began)
        learned = _train(learner, batches, began + arguments.seconds - time.perf_counter())
        took = time.perf_counter() - began
        if keeper.writing:
            raise SystemExit(f"the writing took longer than a stretch: --seconds more than {arguments.seconds}")
        rates.append(_rate(learner, batches, arguments.seconds))
        lost.append(took - learned / statistics.mean(rates[-2:]))
        print(f"without {rates[-1]:,.0f} examples a second; lost {lost[-1]:.2f} s", flush=True)
    median = statistics.median(lost)
    print(f"without {statistics.median(rates):,.0f} examples a second; a checkpoint loses {median:.2f} s")
    print(
        f"one a minute costs {100 * median / 60:.1f} % of the throughput, one in 5 minutes {100 * median / 300:.1f} %"
    )
    print(f"training stood still for {statistics.median(stood_still):.2f} s; the writing took {keeper.wrote:.1f} s")
    at_worst, at_best = (_stopped(keeper, learner, batches, parts, just_begun) for just_begun in (True, False))
    print(f"a stop waits for {at_best:.1f} s, {at_worst:.1f} s where a checkpoint was just begun")
    keeper.close()
    shutil.rmtree(arguments.folder, ignore_errors=True)


def _stopped(
    keeper: Keeper, learner: Learner, batches: Iterator[Batch], parts: dict[str, Any], just_begun: bool
) -> float:
    """Seconds."""
    while not keeper.due(None, learner.num_bytes):
        _train(learner, batches, 0.0)
    if just_begun:
        keeper.write(10**6, parts)
    _train(learner, batches, 0.0)
    began = time.perf_counter()
    keeper.write_now(10**6 + 1, parts)
    return time.perf_counter() - began


def _batches(loader: Loader) -> Iterator[Batch]:
    epoch = 0
    while True:
        epoch += 1
        yield from loader.epoch(epoch)


def _rate(learner: Learner, batches: Iterator[Batch], seconds: float) -> float:
    """Examples a second."""
    began = time.perf_counter()
    return _train(learner, batches, seconds) / (time.perf_counter() - began)


def _train(learner: Learner, batches: Iterator[Batch], seconds: float) -> int:
    """How many examples it learned from."""
    num, end = 0, time.perf_counter() + seconds
    while True:
        batch = next(batches)
        learner.learn(batch)
        num += batch.jagged.num_examples
        if time.perf_counter() >= end:
            return num


if __name__ == "__main__":
    main()
