"""What every peer needs: a case from its folder, batches in memory, the clock, the one line of JSON. numpy only.

Batches are tensors before the clock starts, and up to 64 of them come again and again: peers are spared a loader.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP_STEPS, LEAST_STEPS, MOST_BATCHES = 5, 8, 64
MOST_DIFFERENCE = 1e-5  # of a logit: they spread by 1e-2 in a batch, and what the MLP adds by 4e-4


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

    def first_logits(self) -> np.ndarray:
        """Of the first batch before training, pairs of fields, [B]."""
        return np.load(self.folder / "first_logits_fields.npy")

    def first_labels(self) -> np.ndarray:
        """Of the first batch, [B]."""
        return np.array(self._labels[: self.batch_size])

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


def check_first_batch(case: Case, logits: np.ndarray) -> float:
    """The mean BCE of the first batch's logits [B], if they are those of manyhot's model with pairs of fields.

    Every logit is compared: the mean loss hardly moves when the MLP reads its fields in another order.
    """
    logits = np.asarray(logits, np.float64)
    expected = case.first_logits()
    if logits.shape != expected.shape:
        raise SystemExit(f"logits have shape {logits.shape}, not {expected.shape}")
    furthest = float(np.abs(logits - expected).max())
    if not furthest <= MOST_DIFFERENCE:  # so written, NaN fails
        raise SystemExit(f"a first logit lies {furthest:.2g} from manyhot's: not the same model")
    loss = float(np.mean(np.logaddexp(0, logits) - case.first_labels() * logits))
    wanted = case.facts["first_loss_fields"]
    if not abs(loss - wanted) <= 1e-4 * wanted:
        raise SystemExit(f"the first loss is {loss:.6f} and manyhot's is {wanted:.6f}: not the same labels")
    return loss


def train(case: Case, steps: list[Callable[[], object]], seconds: float) -> dict[str, float]:
    """Steps again and again, for so many seconds after warming up. The median step makes examples_per_second."""
    for k in range(WARM_UP_STEPS):
        steps[k % len(steps)]()
    taken: list[float] = []
    started = time.perf_counter()
    while len(taken) < LEAST_STEPS or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        steps[len(taken) % len(steps)]()
        taken.append(time.perf_counter() - before)
    return {"examples_per_second": case.batch_size / statistics.median(taken), "steps": len(taken)}


def report(
    peer: str, case: Case, precision: str, first_loss: float, speed: dict[str, float], versions: dict[str, str]
) -> None:
    """One line of JSON. speed: what train returns."""
    facts = {"peer": peer, "case": case.facts["name"], "precision": precision, "first_loss": first_loss}
    print(json.dumps({**facts, **speed, "versions": {**versions, "numpy": np.__version__}}))
