"""What shuffling in blocks costs: the same training with blocks and with a full shuffle, rows in three orders.

    python benchmarks/shuffling.py [--seeds 3] [--window 8192]

The demo's full DeepFM, its training rows as logged, sorted by label, and sorted by candidate app. The window is smaller
than the library's, so that it is as small a part of the 240,000 rows as the library's is of 2 million. Prints the test
AUC of every run and the difference of the means.
"""

from __future__ import annotations

import argparse
import statistics

import msgspec

from manyhot import train
from manyhot.data import _loader  # its constants are not for users, so that a seed means one order of the rows
from manyhot.demo import full_deepfm, simulate

ORDERS = {"as logged": [], "by label": [("clicked", "ascending")], "by candidate": [("candidate", "ascending")]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--window", type=int, default=8192)
    arguments = parser.parse_args()
    schema, model, training, parts = full_deepfm(simulate(300_000, 1))
    ways = {"full": (1, 1 << 40), "blocks": (_loader.BLOCK_ROWS, arguments.window)}
    for order, keys in ORDERS.items():
        rows = parts["train"].sort_by(keys) if keys else parts["train"]
        means = {}
        for way, (block, window) in ways.items():
            _loader.BLOCK_ROWS, _loader.WINDOW_ROWS = block, window
            aucs = []
            for seed in range(1, arguments.seeds + 1):
                settings = msgspec.structs.replace(training, seed=seed)
                aucs.append(train(schema, model, training=settings, **{**parts, "train": rows}).metrics["test"]["auc"])
            means[way] = statistics.mean(aucs)
            print(f"{order:13} {way:7} test AUC {'  '.join(f'{a:.5f}' for a in aucs)}   mean {means[way]:.5f}")
        print(f"{order:13} blocks - full {means['blocks'] - means['full']:+.5f}", flush=True)


if __name__ == "__main__":
    main()
