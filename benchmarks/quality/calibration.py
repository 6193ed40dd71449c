"""What calibration does to DeepFM on the first 10,000 rows of Criteo: ECE and log loss before and after each method.

    python benchmarks/quality/calibration.py --data DIR [--seeds 1,2,3,4,5] [--json FILE]

DIR/criteo/criteo_kaggle_a_first10000.tsv.gz holds the rows. A seed decides the split (half to train, a fifth to fit the
calibration, the rest to judge it), the weights and the shuffling. "default" is DeepFM and its training as they come,
"overfitted" trains it for 20 epochs of small steps, and nothing stops it. The last line of each is what chance alone
leaves: the ECE of as many rows whose labels are drawn from Platt's probabilities.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np

import manyhot as mh
from manyhot.calibration import fit_calibrator
from manyhot.data import open_source, parts_to_train_on
from manyhot.metrics import evaluate_logits, expected_calibration_error, sigmoid

TRAININGS = {"default": {}, "overfitted": {"batch_size": 128, "epochs": 20}}
METHODS = ("temperature", "platt", "isotonic")
SHOWN = ("ece", "log_loss", "auc", "calibration")
DRAWS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    raw = arguments.data / "criteo" / "criteo_kaggle_a_first10000.tsv.gz"
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in TRAININGS:
        for seed in seeds:
            for method, metrics in judged(raw, name, seed).items():
                found.setdefault(name, {}).setdefault(method, []).append(metrics)
    print(f"test rows of Criteo's first 10,000, {len(seeds)} seeds: mean +- standard deviation\n")
    print(f"{'DeepFM':12}{'calibration':14}" + "".join(f"{metric:>20}" for metric in SHOWN))
    for name, methods in found.items():
        for method, runs in methods.items():
            print(f"{name:12}{method:14}" + "".join(f"{spread(runs, metric):>20}" for metric in SHOWN))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"seeds": seeds, "test": found}, indent=1) + "\n")


def judged(raw: Path, name: str, seed: int) -> dict[str, dict[str, Any]]:
    """Metrics of the test rows without calibration, with each method, and by chance alone."""
    split = mh.Split(by="fraction", valid=0.2, test=0.3, seed=seed)
    whole = open_source(raw, reading=mh.Reading(format="criteo"))
    parts = parts_to_train_on({"train": whole}, schema(), split, lambda text: None)
    training = mh.TrainingConfig(seed=seed, **TRAININGS[name])
    saved = mh.train(schema(), mh.DeepFM(), training=training, **parts).saved
    valid, test = (saved.labelled_logits(parts[part]) for part in ("valid", "test"))
    found = {"none": evaluate_logits(test.labels, test.logits)}
    for method in METHODS:
        calibrate = fit_calibrator(method, valid.labels, valid.logits)
        found[method] = evaluate_logits(test.labels, calibrate(test.logits))
    honest = fit_calibrator("platt", valid.labels, valid.logits)(test.logits)
    rng = np.random.default_rng(seed)
    draws = [(rng.random(len(honest)) < sigmoid(honest)).astype(np.float32) for _ in range(DRAWS)]
    eces = [expected_calibration_error(labels, honest) or 0.0 for labels in draws]
    return {**found, "by chance": {"ece": statistics.mean(eces)}}


def schema() -> mh.Schema:
    """39 fields, numbers in the buckets of the 2014 winners."""
    numbers = [mh.Field(f"I{i}", numeric=("log2_bucket",), missing="oov") for i in range(1, 14)]
    categories = [mh.Field(f"C{i}", mh.Vocabulary(f"C{i}", min_count=4), missing="oov") for i in range(1, 27)]
    return mh.Schema(label="Label", fields=(*numbers, *categories))


def spread(runs: list[dict[str, Any]], metric: str) -> str:
    """ "0.01234 +- 0.00123"; nothing where it was not asked."""
    values = [run[metric] for run in runs if metric in run]
    if not values:
        return ""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4f} +- {deviation:.4f}"


if __name__ == "__main__":
    main()
