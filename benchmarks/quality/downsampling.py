"""What training on fewer negatives costs and keeps: the demo's DeepFM with all of them and a tenth.

    python benchmarks/quality/downsampling.py [--seeds 3] [--impressions 300000] [--keep 1 0.1]

Prints means over the seeds on the log's last tenth, and their spread: AUC, log loss, and the mean probability over the
mean of the true probabilities, which the simulator knows. The last column is the same for logits to which the odds of
the sample were left: what a model without the correction would say.
"""

from __future__ import annotations

import argparse
import statistics

import msgspec
import numpy as np

from manyhot import train
from manyhot.data import open_source
from manyhot.demo import full_deepfm, simulate
from manyhot.nn import logit_shift


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--impressions", type=int, default=300_000)
    parser.add_argument("--keep", type=float, nargs="+", default=[1.0, 0.1])
    arguments = parser.parse_args()
    log = simulate(arguments.impressions, 1)
    schema, model, training, parts = full_deepfm(log)
    truth = log.probabilities[-parts["test"].num_rows :].mean()
    print("keep   examples an epoch   test AUC            log loss            mean p / rate      uncorrected")
    for keep in arguments.keep:
        rows = []
        for seed in range(1, arguments.seeds + 1):
            settings = msgspec.structs.replace(training, seed=seed, keep_negatives=keep)
            reports: list[dict[str, float]] = []
            run = train(schema, model, training=settings, listener=reports.append, **parts)
            p = run.saved.probabilities(open_source(parts["test"])).astype(float)
            sampled = 1 / (1 + (1 - p) / p * np.exp(-logit_shift(settings.loss, keep)))
            test = run.metrics["test"]
            size = reports[0]["examples"]
            rows.append((size, test["auc"], test["log_loss"], p.mean() / truth, sampled.mean() / truth))
        size, *columns = zip(*rows, strict=True)
        cells = "   ".join(f"{statistics.mean(c):.4f} +- {spread(c):.4f}" for c in columns)
        print(f"{keep:4}   {size[0]:17,}   {cells}", flush=True)


def spread(values: tuple[float, ...]) -> float:
    """Standard deviation of the seeds."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
