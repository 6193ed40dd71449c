"""What settings for safety cost: `non_finite = "skip"`, and `deterministic = true` on all cores.

    python benchmarks/safety.py [--rounds 7] [--examples 50000]

Cases of `manyhot bench`, and one of the defaults' batch. In every round each setting trains one pass in turn, each on a
model of its own. Prints the median of the rounds' ratios to the pass without, and their range. Five minutes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from manyhot.bench import CASES, build_case, write_case
from manyhot.data import Examples
from manyhot.nn import Model
from manyhot.schema import SettledTraining, TableOptimizer
from manyhot.training import fit_model

CHOSEN = [CASES["article"], CASES["article-4096"], replace(CASES["criteo"], batch_size=512), CASES["criteo"]]
SETTINGS: dict[str, dict[str, Any]] = {
    "usual": {},
    "skip": {"non_finite": "skip"},
    "deterministic": {"deterministic": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--examples", type=int, default=50_000)
    arguments = parser.parse_args()
    for case in CHOSEN:
        with tempfile.TemporaryDirectory() as name:
            examples = write_case(case, Path(name), num_examples=arguments.examples)
            models = {setting: build_case(case, optimizer=TableOptimizer(optimizer="adagrad")) for setting in SETTINGS}
            configs = {
                setting: SettledTraining(batch_size=case.batch_size, epochs=1, **changes)
                for setting, changes in SETTINGS.items()
            }
            rounds = [
                {setting: _rate(models[setting], configs[setting], examples) for setting in SETTINGS}
                for _ in range(1 + arguments.rounds)
            ][1:]  # the first one finds memory
        for setting in list(SETTINGS)[1:]:
            ratios = [rates[setting] / rates["usual"] for rates in rounds]
            print(
                f"{case.name} in batches of {case.batch_size}: {setting} trains at {statistics.median(ratios):.2f} of "
                f"the speed ({min(ratios):.2f} to {max(ratios):.2f})",
                flush=True,
            )


def _rate(model: Model, config: SettledTraining, examples: Examples) -> float:
    """Examples a second."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if config.deterministic else threads)
    try:
        return fit_model(model, config, examples, None, lambda report: None).examples_per_second
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
