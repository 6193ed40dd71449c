"""What averaging of the weights brings: one experiment with and without it, several seeds.

    python benchmarks/quality/averaging.py EXPERIMENT.toml [--seeds 5] [--decays 0.97 0.99 0.997] [--set key=value ...]

The experiment must name valid (or a split) and test, and should stop early. Prints test AUC and log loss, means over
the seeds, and the mean difference to the same seed without averaging with its standard error.
"""

from __future__ import annotations

import argparse
import statistics

import msgspec

from manyhot import Averaging, train
from manyhot.data import open_source
from manyhot.schema import load_experiment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--decays", type=float, nargs="+", default=[0.97, 0.99, 0.997])
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    arguments = parser.parse_args()
    experiment = load_experiment(arguments.experiment, tuple(arguments.set))
    if experiment.training.epochs is None:
        parser.error("without epochs training averages by itself; add --set training.epochs=5")
    data = experiment.data
    sources = {
        name: open_source(getattr(data, name), folder=experiment.folder, reading=data.reading)
        for name in ("train", "valid", "test")
        if getattr(data, name) is not None
    }
    found: dict[float | None, list[dict[str, float]]] = {}
    for decay in (None, *arguments.decays):
        for seed in range(1, arguments.seeds + 1):
            averaging = None if decay is None else Averaging(decay=decay)
            training = msgspec.structs.replace(experiment.training, seed=seed, averaging=averaging)
            run = train(
                experiment.schema,
                experiment.model,
                training=training,
                split=data.split,
                cache=".manyhot_cache",
                **sources,
            )
            found.setdefault(decay, []).append(run.metrics["test"])
        cells = (told(found, decay, metric) for metric in ("auc", "log_loss"))
        print(f"{'none' if decay is None else decay:6}  {'   '.join(cells)}", flush=True)


def told(found: dict[float | None, list[dict[str, float]]], decay: float | None, metric: str) -> str:
    """ "auc 0.7412  +0.0031 +- 0.0008"."""
    values, plain = ([metrics[metric] for metrics in found[key]] for key in (decay, None))
    differences = [a - b for a, b in zip(values, plain, strict=True)]
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return f"{metric} {statistics.mean(values):.4f}  {statistics.mean(differences):+.4f} +- {error:.4f}"


if __name__ == "__main__":
    main()
