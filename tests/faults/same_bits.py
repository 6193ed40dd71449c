"""The same seed trains the same model: in processes of their own, with other threads, files and caches."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open

import manyhot as mh
from manyhot.schema import ModelConfig, convert

__all__ = ["LONG", "PROMISE", "contents", "run"]

PROMISE = "same seed, same bits: runs on 1 and 2 threads, of 1 and 7 files, with and without a cache"
LONG = 10

_ROWS, _VALID = 2_100, 300
# What trains in batches of 256: means over a batch, averages, clipping, dropout, a look at valid, bfloat16.
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "DeepFM by the defaults": ({"name": "deepfm"}, {}),
    "DeepFM with batch norm, dropout, clipping": (
        {"name": "deepfm", "batch_norm": True, "dropout": 0.2},
        {"clip_norm": 1.0, "epochs": 2, "averaging": {"decay": 0.95}, "early_stopping": {"patience": 2}},
    ),
    "MaskNet in bfloat16": ({"name": "masknet", "hidden_units": [64, 32]}, {"precision": "bfloat16", "epochs": 2}),
    "NFM, deterministic": ({"name": "nfm", "batch_norm": True}, {"epochs": 1, "deterministic": True}),
}
_VARIANTS = [(1, 1, "none"), (2, 7, "none"), (2, 1, "cold"), (1, 7, "cold"), (2, 1, "warm"), (2, 7, "warm")]


def run(num: int) -> str:
    """num trainings of each model."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_rows(folder)
        for model in MODELS:
            seen: dict[str, str] = {}
            for number in range(num):
                threads, files, cache = _VARIANTS[number % len(_VARIANTS)]
                path = folder / "trained.model"
                _train(folder, model, threads, files, cache, path, number)
                seen.setdefault(contents(path), f"{threads} threads, {files} files, cache {cache}")
            assert len(seen) == 1, f"{model}: {len(seen)} models of {num} runs: {'; '.join(seen.values())}"
    return f"{num} of {num} runs of each of {len(MODELS)} models: one file each, times of day left out"


def contents(path: Path) -> str:
    """A digest of all that a model file holds, but for how long training took and on how many threads it ran."""
    with safe_open(path, "numpy") as file:
        header = json.loads(file.metadata()["manyhot"])
        names = sorted(set(file.keys()) - {"checksum"})
        digest = hashlib.sha256(b"".join(name.encode() + file.get_tensor(name).tobytes() for name in names))
    for key in ("seconds", "examples_per_second"):
        del header["summary"]["metrics"][key]
    del header["summary"]["training"]["threads"]
    return hashlib.sha256(digest.digest() + json.dumps(header, sort_keys=True).encode()).hexdigest()


def _write_rows(folder: Path) -> None:
    """Lists of up to nine of 400 apps of the Zipf kind, so that rows of a batch share them."""
    rng = np.random.default_rng(8)
    count = _ROWS + _VALID
    lists = [np.unique(rng.zipf(1.3, rng.integers(0, 10)) % 400) for _ in range(count)]
    table = pa.table(
        {
            "clicked": (rng.random(count) < 0.3).astype(np.int8),
            "apps": [[f"app{i}" for i in apps] for apps in lists],
            "minutes": [rng.uniform(0.1, 5, len(apps)).astype(np.float32) for apps in lists],
            "city": [f"city{i}" for i in rng.integers(0, 30, count)],
            "age": rng.integers(14, 80, count),
        }
    )
    pq.write_table(table.slice(_ROWS), folder / "valid.parquet")
    pq.write_table(table.slice(0, _ROWS), folder / "whole.parquet")
    (folder / "shards").mkdir()
    for i in range(7):
        pq.write_table(table.slice(i * _ROWS // 7, _ROWS // 7), folder / "shards" / f"{i}.parquet")


def _train(folder: Path, model: str, threads: int, files: int, cache: str, path: Path, number: int) -> None:
    """In a process of its own, whose hashes of texts are its own as well."""
    store = folder / (f"cache-{files}" if cache == "warm" else f"cache-{number}-{model}")
    arguments = [str(folder), model, str(threads), str(files), "" if cache == "none" else str(store), str(path)]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(number),
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",
    }
    done = subprocess.run([sys.executable, __file__, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def _main(name: str, model: str, threads: str, files: str, cache: str, path: str) -> None:
    folder = Path(name)
    network, options = MODELS[model]
    training = convert({"batch_size": 256, "threads": int(threads), **options}, mh.TrainingConfig, "training")
    schema = mh.Schema(
        label="clicked",
        fields=(
            mh.Field("apps", weights="minutes"),
            mh.Field("city"),
            mh.Field("age", numeric=("log1p", "standardize")),
        ),
    )
    done = mh.train(
        schema,
        convert(network, ModelConfig, "model"),
        train=folder / "whole.parquet" if files == "1" else str(folder / "shards" / "*.parquet"),
        valid=folder / "valid.parquet",
        training=training,
        cache=cache or None,
        listener=lambda report: None,
    )
    done.save(path)


if __name__ == "__main__":
    _main(*sys.argv[1:])
