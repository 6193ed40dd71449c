"""Trains LR, FM and DeepFM on the schema of one experiment file, with several seeds, and prints their test AUC.

    python examples/compare.py EXPERIMENT.toml [--seeds 3] [--set section.key=value ...]

The schema and the training are those of the file, which must name test.
"""

from __future__ import annotations

import argparse
import statistics

import msgspec

from manyhot import FM, LR, train
from manyhot.data import open_source
from manyhot.schema import load_experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    arguments = parser.parse_args()
    experiment = load_experiment(arguments.experiment, tuple(arguments.set))
    full, data = experiment.model, experiment.data
    common = {"preset": full.preset, "embedding_scale": full.embedding_scale}
    models = {
        "LR": LR(**common),
        "FM": FM(embedding_dim=full.embedding_dim, pairs=full.pairs, **common),
        "DeepFM": full,
    }
    sources = {
        name: open_source(getattr(data, name), folder=experiment.folder, reading=data.reading)
        for name in ("train", "valid", "test")
        if getattr(data, name) is not None
    }
    for name, model in models.items():
        runs = []
        for seed in range(1, arguments.seeds + 1):
            training = msgspec.structs.replace(experiment.training, seed=seed)
            run = train(experiment.schema, model, training=training, cache=".manyhot_cache", **sources)
            runs.append(run.metrics["test"])
        aucs = [metrics["auc"] for metrics in runs]
        losses = [metrics["log_loss"] for metrics in runs]
        print(
            f"{name:8} test AUC {'  '.join(f'{a:.4f}' for a in aucs)}   mean {statistics.mean(aucs):.4f}"
            f"   log loss {statistics.mean(losses):.4f}"
        )


if __name__ == "__main__":
    main()
