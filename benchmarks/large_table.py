"""A table that fills much of the memory: 50 million rows of 16 latent numbers with their Adagrad state.

    python benchmarks/large_table.py [--rows 50000000] [--examples 200000]

Trains DeepFM (MLP 400x400x400, batch 4096) on 39 single-valued fields whose largest vocabulary is that large, and
prints the time to make the table, the rate of training, and the memory at its highest.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace

from manyhot.bench import CASES, build_case, simulate
from manyhot.data import Examples
from manyhot.schema import SettledTraining, TableOptimizer
from manyhot.training import fit_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--examples", type=int, default=200_000)
    arguments = parser.parse_args()
    sizes = CASES["criteo"].vocabulary_sizes
    case = replace(CASES["criteo"], vocabulary_sizes=(*sizes[:-1], arguments.rows - sum(sizes[:-1])))
    examples = Examples(list(simulate(case, arguments.examples, 0)), len(case.fields))
    started = time.perf_counter()
    model = build_case(case, optimizer=TableOptimizer(optimizer="adagrad"))
    made = time.perf_counter() - started
    data = model.tables.data
    print(
        f"{len(data):,} rows of {data.itemsize * data.shape[1]} bytes: {data.nbytes / 1e9:.2f} GB, made in {made:.1f} s"
    )
    config = SettledTraining(batch_size=case.batch_size, epochs=1)
    rate = fit_model(model, config, examples, None, lambda report: None).examples_per_second
    print(f"trained {examples.num_rows:,} examples, {rate:,.0f} a second")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"resident memory at its highest {peak / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
