"""Vowpal Wabbit: logistic regression, one pass from its cache (which a run before makes from the text).

Its defaults (adaptive, normalised, invariant updates; one thread beside the one that reads), -b 24 so that features do
not collide. The log loss is that of the test rows after the pass. The pass is made three times, each from nothing, and
the fastest counts: where the system puts both threads on one core, it takes twice as long (measured: 8.8 s or 17 s).
"""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import vowpalwabbit
from _case import Case, arguments, report

PASSES = 3


def main() -> None:
    options = arguments()
    case = Case(options.data)
    train, cache = options.data / "train.vw", options.data / "train.cache"
    shared = "--loss_function logistic -b 24 --quiet"
    if not cache.exists():
        run(f"{shared} -d {train} --cache_file {cache}.part -k")
        Path(f"{cache}.part").rename(cache)
    model, predictions = options.data / "vw.model", options.data / "vw.predictions"
    seconds = min(timed(f"{shared} -d {train} --cache_file {cache} -f {model}") for _ in range(PASSES))
    run(f"{shared} -d {options.data / 'test.vw'} -i {model} -t -p {predictions} --link logistic")
    p = np.clip(np.loadtxt(predictions), 1e-7, 1 - 1e-7)
    labels = np.load(options.data / "labels.npy")[-len(p) :]
    log_loss = float(-np.mean(np.where(labels > 0, np.log(p), np.log1p(-p))))
    speed = {"examples_per_second": case.facts["num_examples"] / seconds}
    versions = {"vowpalwabbit": version("vowpalwabbit")}
    report("vowpal_wabbit", case, "float32", log_loss, speed, versions)


def timed(command: str) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    run(command)
    return time.perf_counter() - started


def run(command: str) -> None:
    """As the command line would."""
    workspace = vowpalwabbit.Workspace(command)
    workspace.run_parser()
    workspace.finish()


if __name__ == "__main__":
    main()
