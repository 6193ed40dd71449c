"""What every peer needs: a case from its folder, batches in memory, the clock, the one line of JSON. numpy only."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP_STEPS, LEAST_STEPS, MOST_BATCHES = 3, 5, 64


class Case:
    """A folder written by prepare.py. Letters: B examples, F fields, N pairs, D latent size, V rows of a vocabulary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "case.json").read_text())
        self.num_fields, self.batch_size = self.facts["num_fields"], self.facts["batch_size"]
        self.sizes = self.facts["vocabulary_sizes"]
        self.vocabulary_of = self.facts["vocabulary_of_field"]
        self.dim, self.hidden = self.facts["dim"], self.facts["hidden_units"]
        self.bases = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])[self.vocabulary_of]
        self._ids = np.load(folder / "ids.npy", mmap_mode="r")
        self._offsets = np.load(folder / "offsets.npy", mmap_mode="r")
        self._labels = np.load(folder / "labels.npy", mmap_mode="r")
        weights = folder / "weights.npy"
        self._weights = np.load(weights, mmap_mode="r") if weights.exists() else None

    def batches(self) -> list[dict[str, np.ndarray]]:
        """The first examples in order: ids [N] within their vocabularies and rows [N] of one stacked table (int64),
        offsets [B*F+1] (int64), weights [N] or ones (float32), labels [B] (float32)."""
        count = min(self.facts["num_examples"] // self.batch_size, MOST_BATCHES)
        return [self._batch(k * self.batch_size) for k in range(count)]

    def _batch(self, first: int) -> dict[str, np.ndarray]:
        bags = slice(first * self.num_fields, (first + self.batch_size) * self.num_fields + 1)
        offsets = self._offsets[bags]
        pairs = slice(offsets[0], offsets[-1])
        ids = np.array(self._ids[pairs], np.int64)
        fields = np.repeat(np.tile(np.arange(self.num_fields), self.batch_size), np.diff(offsets))
        weights = np.ones(len(ids), np.float32) if self._weights is None else np.array(self._weights[pairs])
        labels = np.array(self._labels[first : first + self.batch_size])
        rows = ids + self.bases[fields]
        return {"ids": ids, "rows": rows, "offsets": offsets - offsets[0], "weights": weights, "labels": labels}

    def latent(self, vocabulary: int) -> np.ndarray:
        """The initial latent rows [V, D]; linear weights start at 0."""
        return np.load(self.folder / f"latent_{vocabulary}.npy")

    def mlp(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Initial weight [outputs, inputs] and bias [outputs] of each layer, the output layer last."""
        layers = range(len(self.hidden) + 1)
        return [tuple(np.load(self.folder / f"mlp_{i}_{part}.npy") for part in ("weight", "bias")) for i in layers]


def arguments(*, precisions: tuple[str, ...] = ("float32",), more: dict[str, str] | None = None) -> argparse.Namespace:
    """--data: the folder of the case. --seconds: how long to train. more: further options and their defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=precisions, default="float32")
    for name, default in (more or {}).items():
        parser.add_argument(f"--{name}", default=default)
    return parser.parse_args()


def assert_first_loss(case: Case, loss: float, pairs: str) -> None:
    """That the same model is compared. pairs: "features" where bi crosses every pair of features, else "fields"."""
    expected = case.facts[f"first_loss_{pairs}"]
    if abs(loss - expected) > 1e-4 * expected:
        raise SystemExit(f"the first loss is {loss:.6f} and manyhot's is {expected:.6f}: not the same model")


def train(case: Case, steps: list[Callable[[], object]], seconds: float) -> float:
    """Examples per second over steps, again and again, for so many seconds after warming up: the median step counts."""
    for k in range(WARM_UP_STEPS):
        steps[k % len(steps)]()
    taken: list[float] = []
    started = time.perf_counter()
    while len(taken) < LEAST_STEPS or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        steps[len(taken) % len(steps)]()
        taken.append(time.perf_counter() - before)
    return case.batch_size / statistics.median(taken)


def report(peer: str, case: Case, precision: str, first_loss: float, rate: float, versions: dict[str, str]) -> None:
    """One line of JSON."""
    facts = {"peer": peer, "case": case.facts["name"], "precision": precision, "first_loss": first_loss}
    print(json.dumps({**facts, "examples_per_second": rate, "versions": versions}))
