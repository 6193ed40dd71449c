"""What checkpoints cost: a training with tables of 8 million rows, with and without one a minute.

    python benchmarks/checkpoints.py [--rows 8000000] [--pairs 5] [--seconds 60] [--folder runs/checkpoints-bench]

One process trains DeepFM (16 latent numbers, adam, an MLP of 400x400x400, batch 4096) without an end. Stretches of
`--seconds` alternate: one without a checkpoint, one with one, written in the background as the training loop does it.
Compares examples a second of each pair, everything counted that training waits for, and prints the medians; then for
how long training stood still, and how long the writing took. Twelve minutes.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from manyhot.bench import CASES, build_case, simulate
from manyhot.data import Examples, Loader
from manyhot.kernels import Batch, select
from manyhot.schema import Checkpoints, SettledTraining, TableOptimizer
from manyhot.storage import CheckpointFolder
from manyhot.training import Keeper, Learner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=64.0)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=Path("runs/checkpoints-bench"))
    arguments = parser.parse_args()
    sizes = CASES["criteo"].vocabulary_sizes
    case = replace(CASES["criteo"], vocabulary_sizes=(*sizes[:-1], arguments.rows - sum(sizes[:-1])))
    model = build_case(case, optimizer=TableOptimizer(optimizer="adam")).train()
    learner = Learner(model, SettledTraining(batch_size=case.batch_size))
    examples = Examples(list(simulate(case, arguments.examples, 0)), len(case.fields))
    batches = _batches(Loader(examples, case.layout, select("native"), case.batch_size, shuffle_seed=1, with_plan=True))
    data = model.tables.data
    print(f"{len(data):,} rows of {data.itemsize * data.shape[1]} bytes: {data.nbytes / 1e9:.2f} GB", flush=True)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    config = Checkpoints(minutes=arguments.seconds / 60, epochs=0)
    keeper = Keeper(CheckpointFolder(arguments.folder), config, dict, print)
    _train(learner, batches, 5.0)  # first touches of memory
    rates: dict[bool, list[float]] = {False: [], True: []}
    stood_still: list[float] = []
    for pair in range(arguments.pairs):
        for with_checkpoint in (False, True):
            began, num = time.perf_counter(), 0
            if with_checkpoint:  # due by now; the first times it asks for the memory
                while not keeper.due(None, learner.num_bytes):
                    num += _train(learner, batches, 0.0)
                stopped = time.perf_counter()
                keeper.write(pair, {"learner": learner})
                stood_still.append(time.perf_counter() - stopped)
            num += _train(learner, batches, began + arguments.seconds - time.perf_counter())
            rates[with_checkpoint].append(num / (time.perf_counter() - began))
            keeper.finish_writing()
        print(f"without {rates[False][-1]:,.0f} examples a second, with {rates[True][-1]:,.0f}", flush=True)
    cost = 1 - statistics.median(w / wo for w, wo in zip(rates[True], rates[False], strict=True))
    without, with_them = (statistics.median(rates[key]) for key in (False, True))
    print(f"medians: without {without:,.0f}, with a checkpoint every {arguments.seconds:.0f} s {with_them:,.0f}")
    print(f"cost, median of {arguments.pairs} pairs: {100 * cost:.1f} % of the throughput")
    print(f"training stood still for {statistics.median(stood_still):.2f} s; the writing took {keeper.wrote:.1f} s")
    keeper.close()
    shutil.rmtree(arguments.folder, ignore_errors=True)


def _batches(loader: Loader) -> Iterator[Batch]:
    epoch = 0
    while True:
        epoch += 1
        yield from loader.epoch(epoch)


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
