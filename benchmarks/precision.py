"""Whether the dense part in bfloat16 costs accuracy: the same training in both precisions, several seeds.

    python benchmarks/precision.py demo [--seeds 3]
    python benchmarks/precision.py EXPERIMENT.toml [--seeds 3]

"demo" is the full DeepFM of `manyhot demo`; an experiment file must name test. Prints test AUC of every run, the mean
difference, and the spread that seeds alone make.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import msgspec

from manyhot import train
from manyhot.data import open_source
from manyhot.demo import full_deepfm, simulate
from manyhot.schema import load_experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    run = demo_run() if arguments.what == "demo" else experiment_run(arguments.what)
    aucs: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for seed in range(1, arguments.seeds + 1):
        for precision, found in aucs.items():
            found.append(run(seed, precision)["test"]["auc"])
    for precision, found in aucs.items():
        print(f"{precision:9} test AUC {'  '.join(f'{a:.5f}' for a in found)}   mean {statistics.mean(found):.5f}")
    difference = statistics.mean(aucs["bfloat16"]) - statistics.mean(aucs["float32"])
    spread = max(max(found) - min(found) for found in aucs.values())
    print(f"bfloat16 - float32 {difference:+.5f}   spread of the seeds {spread:.5f}")


def demo_run() -> Callable[[int, str], dict[str, Any]]:
    schema, model, training, parts = full_deepfm(simulate(300_000, 1))

    def run(seed: int, precision: str) -> dict[str, Any]:
        settings = msgspec.structs.replace(training, seed=seed, precision=precision)
        return train(schema, model, training=settings, **parts).metrics

    return run


def experiment_run(path: str) -> Callable[[int, str], dict[str, Any]]:
    experiment = load_experiment(path)
    data = experiment.data
    sources = {
        name: open_source(getattr(data, name), folder=experiment.folder, reading=data.reading)
        for name in ("train", "valid", "test")
    }

    def run(seed: int, precision: str) -> dict[str, Any]:
        settings = msgspec.structs.replace(experiment.training, seed=seed, precision=precision)
        return train(experiment.schema, experiment.model, training=settings, cache=".manyhot_cache", **sources).metrics

    return run


if __name__ == "__main__":
    main()
