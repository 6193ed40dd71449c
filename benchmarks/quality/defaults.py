"""The defaults beside what is tuned: DeepFM and FM as they come, a logistic regression whose strength valid decides,
and LightGBM with early stopping; test AUC and log loss over several seeds.

    python benchmarks/quality/defaults.py --data DIR [--sets criteo-10k,demo] [--seeds 1,2,3] [--out FILE.json]

DIR holds the real sets (see sets.py); those that are not there are left out. A seed draws the split (where it is not
given), the simulated log, the order of rows and the initial weights. "short by" is the mean of the differences to the
best of the others on the same seeds, in standard errors of that mean.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from baselines import Metrics, light_gbm, logistic_regression
from sets import DataSet, Parts, data_sets

import manyhot as mh
from manyhot.data import Encoder, ExampleCache, Examples, as_source
from manyhot.schema import ModelConfig

Results = dict[str, list[Metrics]]
OURS = "DeepFM"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, help="JSON to which the results are added, with the date")
    arguments = parser.parse_args()
    sets = data_sets(arguments.data)
    for name in arguments.sets.split(",") if arguments.sets else sets:
        results: Results = {}
        for seed in map(int, arguments.seeds.split(",")):
            for model, metrics in run(sets[name], seed, arguments.threads).items():
                results.setdefault(model, []).append(metrics)
        print_table(name, results)
        if arguments.out is not None:
            add(arguments.out, name, results)


def run(data_set: DataSet, seed: int, threads: int | None) -> dict[str, Metrics]:
    parts = data_set.parts(seed)
    encoder, examples = encoded(data_set, parts, threads)
    models: dict[str, Callable[[], Metrics]] = {
        OURS: lambda: trained(data_set, mh.DeepFM(), parts, seed, threads),
        "FM": lambda: trained(data_set, mh.FM(), parts, seed, threads),
        "LR, tuned": lambda: logistic_regression(encoder, examples),
        "LightGBM": lambda: light_gbm(data_set, parts, encoder, examples, threads),
    }
    found = {}
    for model, train in models.items():
        started = time.perf_counter()
        found[model] = train()
        found[model]["seconds"] = time.perf_counter() - started
    return found


def encoded(data_set: DataSet, parts: Parts, threads: int | None) -> tuple[Encoder, dict[str, Examples]]:
    """What LR and LightGBM read: the same ids and weights."""
    store = ExampleCache(None, num_threads=threads)
    encoder, _ = store.fit(data_set.schema, as_source(parts["train"], None))
    return encoder, {name: store.encode(encoder, as_source(rows, None))[0] for name, rows in parts.items()}


def trained(data_set: DataSet, model: ModelConfig, parts: Parts, seed: int, threads: int | None) -> Metrics:
    """manyhot with nothing said but the seed."""
    training = mh.TrainingConfig(seed=seed, threads=threads)
    run = mh.train(data_set.schema, model, training=training, listener=lambda report: None, **parts)
    return {key: run.metrics["test"][key] for key in ("auc", "log_loss")}


def print_table(name: str, results: Results) -> None:
    print(f"\n{name}\n{'':10}  {'test AUC':22}  {'log loss':22}  seconds")
    for model, runs in results.items():
        cells = []
        for key in ("auc", "log_loss"):
            values = [run[key] or math.nan for run in runs]
            cells.append(f"{statistics.mean(values):.4f} +- {standard_error(values):.4f}")
        print(f"{model:10}  {cells[0]:22}  {cells[1]:22}  {statistics.mean(run['seconds'] or 0 for run in runs):.1f}")
    for key, better in (("auc", 1), ("log_loss", -1)):
        best = max((m for m in results if m != OURS), key=lambda m: better * mean_of(results[m], key))
        gains = [better * ((a[key] or 0) - (b[key] or 0)) for a, b in zip(results[OURS], results[best], strict=True)]
        error, gain = standard_error(gains), statistics.mean(gains)
        verdict = "best" if gain >= 0 else f"short by {-gain:.4f}, {-gain / error if error else math.inf:.1f} errors"
        print(f"{key:10}  {OURS} against {best}: {gain:+.4f} +- {error:.4f}, {verdict}")


def mean_of(runs: list[Metrics], key: str) -> float:
    return statistics.mean(run[key] or math.nan for run in runs)


def standard_error(values: list[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def add(path: Path, name: str, results: Results) -> None:
    found = json.loads(path.read_text()) if path.exists() else []
    found.append({"date": datetime.date.today().isoformat(), "set": name, "results": results})
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
