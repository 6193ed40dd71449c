"""A long training takes no more memory at its end than at its beginning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import manyhot as mh

__all__ = ["LONG", "MOST", "PROMISE", "fitted", "run", "slopes"]

PROMISE = "memory over many batches, growth after warm-up"
LONG = 20_000
MOST = 0.5  # MiB in 1,000 batches

_BATCH, _BATCHES_AN_EPOCH = 64, 100
_EVERY = 50  # batches between two looks
_WARM_UP = 0.2  # of all batches
# By hand and by autograd; both with averages, a look at valid every 50 batches and the best weights kept.
MODELS = {
    "DeepFM": (mh.DeepFM(embedding_dim=8), mh.TrainingConfig()),
    "DeepFM with batch norm and dropout, clipped": (
        mh.DeepFM(embedding_dim=8, batch_norm=True, dropout=0.2),
        mh.TrainingConfig(clip_norm=1.0, non_finite="skip"),
    ),
}


def run(num: int) -> str:
    """num batches of each model. The bound is that of many: over fewer than 5,000 it is ten times as wide."""
    found = slopes(num)
    most = MOST if num >= 5_000 else 10 * MOST
    too_much = [f"{name}: {slope:.2f} MiB in 1,000 batches" for name, slope in found.items() if slope >= most]
    assert not too_much, "; ".join(too_much)
    return f"{num:,} batches: {max(found.values()):+.3f} MiB in 1,000 at most, of {len(found)} models"


def slopes(num: int) -> dict[str, float]:
    """MiB in 1,000 batches, of each model trained in a process of its own."""
    found = {}
    for name in MODELS:
        done = subprocess.run([sys.executable, __file__, name, str(num)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found[name] = fitted(np.array(json.loads(done.stdout), float))
    return found


def fitted(looks: np.ndarray) -> float:
    """The slope of (batches, MiB), [looks, 2], after the warm-up; in MiB in 1,000 batches."""
    warm = looks[looks[:, 0] >= _WARM_UP * looks[-1, 0]]
    return 1000 * float(np.polynomial.polynomial.polyfit(warm[:, 0], warm[:, 1], 1)[1])


def _rows(count: int, seed: int) -> dict[str, object]:
    """Lists of up to 60 apps of 5,000, with the minutes spent in each."""
    rng = np.random.default_rng(seed)
    lists = [rng.choice(5_000, rng.integers(0, 60), replace=False) for _ in range(count)]
    return {
        "clicked": (rng.random(count) < 0.3).astype(np.int8),
        "apps": [[f"app{i}" for i in apps] for apps in lists],
        "minutes": [rng.uniform(0.1, 5, len(apps)) for apps in lists],
        "city": [f"city{i}" for i in rng.integers(0, 30, count)],
    }


def _main(name: str, num: str) -> None:
    looks = []

    def look(report: dict[str, object]) -> None:
        if report["event"] == "valid":
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            looks.append((report["step"], resident / 2**20))

    model, training = MODELS[name]
    mh.train(
        mh.Schema(label="clicked", fields=(mh.Field("apps", weights="minutes"), mh.Field("city"))),
        model,
        train=_rows(_BATCH * _BATCHES_AN_EPOCH, 1),
        valid=_rows(100, 2),
        training=mh.TrainingConfig(
            batch_size=_BATCH,
            epochs=-(-int(num) // _BATCHES_AN_EPOCH),
            validate_every=_EVERY,
            early_stopping=mh.EarlyStopping(patience=10**9),
            averaging=mh.Averaging(),
            threads=1,
            clip_norm=training.clip_norm,
            non_finite=training.non_finite,
        ),
        listener=look,
    )
    print(json.dumps(looks))


if __name__ == "__main__":
    _main(*sys.argv[1:])
