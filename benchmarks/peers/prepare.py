"""Writes a case as plain arrays for the peers: the Examples of `manyhot bench`, and the weights its model starts from.

    python benchmarks/peers/prepare.py --data FOLDER --case criteo

FOLDER/<case>/ then holds case.json, ids.npy (int32 [N], within the vocabulary of their field), offsets.npy (int64
[rows*F+1], row-major), weights.npy (float32 [N], where pairs have weights), labels.npy (float32 [rows]),
latent_<v>.npy (float32 [V, D]), mlp_<i>_weight.npy and mlp_<i>_bias.npy; linear weights start at 0. The logits of the
first batch before training lie in first_logits_fields.npy (float32 [B]; bi over pairs of fields, as peers compute it)
and first_logits_features.npy, its losses in case.json. The case lr has train.vw and test.vw instead.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from manyhot.bench import CASES, Case, build_case, write_case
from manyhot.data import Examples, Loader
from manyhot.nn import Model

NUM_TEST, TEXT_ROWS = 500_000, 200_000
FORMAT = 2  # a folder of another is written anew


def prepare(case: Case, folder: Path) -> None:
    """Logistic regression gets rows for testing after those for training, and both as text for Vowpal Wabbit."""
    num_test = NUM_TEST if not case.model.has_latent else 0
    examples = write_case(case, folder, num_examples=case.num_examples + num_test)
    model = build_case(case)
    chunks = examples.chunks
    ids = np.concatenate([chunk.ids for chunk in chunks])
    lengths = np.concatenate([np.diff(chunk.offsets) for chunk in chunks])
    np.save(folder / "ids.npy", ids)
    np.save(folder / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    np.save(folder / "labels.npy", examples.labels)
    if case.weighted:
        np.save(folder / "weights.npy", np.concatenate([chunk.weights for chunk in chunks]))
    losses = {}
    if case.model.has_latent:
        for v in range(len(case.vocabulary_sizes)):
            np.save(folder / f"latent_{v}.npy", model.tables.latent(f"v{v:02}"))
        layers = [layer for layer in model.heads["deep"].mlp if isinstance(layer, torch.nn.Linear)]
        for i, layer in enumerate(layers):
            np.save(folder / f"mlp_{i}_weight.npy", layer.weight.detach().numpy())
            bias = np.zeros(layer.out_features, np.float32) if layer.bias is None else layer.bias.detach().numpy()
            np.save(folder / f"mlp_{i}_bias.npy", bias)
        for pairs in ("features", "fields"):
            variant = msgspec.structs.replace(case.model, pairs=pairs)
            logits = _first_logits(build_case(dataclasses.replace(case, model=variant)), examples, case.batch_size)
            labels = torch.from_numpy(examples.labels[: case.batch_size])
            losses[f"first_loss_{pairs}"] = binary_cross_entropy_with_logits(logits, labels).item()
            np.save(folder / f"first_logits_{pairs}.npy", logits.numpy())
    if num_test:
        first_test = examples.num_rows - num_test
        rows = ids.reshape(examples.num_rows, len(case.fields))
        labels = examples.labels
        (folder / "train.cache").unlink(missing_ok=True)  # vw.py makes it of train.vw
        write_text(folder / "train.vw", rows[:first_test], labels[:first_test])
        write_text(folder / "test.vw", rows[first_test:], labels[first_test:])
    facts = {
        "format": FORMAT,
        "name": case.name,
        "model": "DeepFM" if case.model.has_latent else "LR",
        "dim": case.model.embedding_dim,
        "hidden_units": list(case.model.hidden_units or ()),
        "batch_size": case.batch_size,
        "num_examples": examples.num_rows - num_test,
        "num_test": num_test,
        "num_fields": len(case.fields),
        "vocabulary_sizes": list(case.vocabulary_sizes),
        "vocabulary_of_field": [v for v, _ in case.fields],
        "single_valued": all(mean is None for _, mean in case.fields),
        "weighted": case.weighted,
        **losses,
    }
    (folder / "case.json").write_text(json.dumps(facts, indent=2) + "\n")  # last: its presence says that all is there


def write_text(path: Path, rows: np.ndarray, labels: np.ndarray) -> None:
    """Vowpal Wabbit's text: label 1 or -1, and a namespace a, b, .. with one token for each field. rows [rows, F]."""
    with path.open("wb") as sink:
        for first in range(0, len(rows), TEXT_ROWS):
            part = rows[first : first + TEXT_ROWS]
            signs = np.where(labels[first : first + TEXT_ROWS] > 0, 1, -1)
            texts = [pa.array(signs).cast(pa.string())]
            for f in range(part.shape[1]):
                prefix = f"|{chr(ord('a') + f)}"
                texts += [prefix, pa.array(part[:, f]).cast(pa.string())]
            lines = pc.binary_join_element_wise(*texts, " ")
            sink.write(b"".join(line + b"\n" for line in lines.cast(pa.binary()).to_pylist()))


def is_prepared(folder: Path) -> bool:
    facts = folder / "case.json"
    return facts.exists() and json.loads(facts.read_text()).get("format") == FORMAT


def _first_logits(model: Model, examples: Examples, batch_size: int) -> torch.Tensor:
    loader = Loader(examples, model.tables.layout, model.tables.kernels, batch_size)
    (batch,) = loader.batches([np.arange(batch_size)])
    model.eval()
    with torch.no_grad():
        return model(batch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--case", choices=CASES, required=True)
    options = parser.parse_args()
    target = options.data / options.case
    if not is_prepared(target):
        prepare(CASES[options.case], target)
