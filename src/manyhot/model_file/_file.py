"""The model file: one safetensors file.

Tensors: vocabulary.<name>.tokens uint8, vocabulary.<name>.offsets int64; table.<name>.latent float32 [V, D],
table.<name>.linear float32 [V]; dense.<parameter>; proof.rows (an Arrow IPC stream of raw rows), proof.probabilities;
calibration.<array> float64, where scores are calibrated.
Metadata "manyhot": JSON with the format number, the encoder's settings, the model's configuration and a summary. The
tensor "checksum" uint8 [32] is the SHA-256 of that and of all other tensors (a second key of metadata would make the
bytes of the file depend on the order of a hash map).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manyhot.calibration import calibrator_from_arrays
from manyhot.data import Encoder, TableLayout, open_source
from manyhot.errors import ConfigError, ManyhotError, ModelFileError
from manyhot.kernels import select
from manyhot.nn import BuildHead, Model, build_model, not_finite
from manyhot.schema import ModelConfig, convert
from manyhot.storage import whole_file

from ._saved import SavedModel

__all__ = ["load_model", "read_header", "save_model"]

FORMAT = 1
# Scores may differ in the last digits between processors, whose matmuls sum in other orders.
_PROOF_TOLERANCE = 1e-5


def save_model(path: Path, saved: SavedModel) -> None:
    """Writes the file; it appears under its name only when it is whole. Raises ModelFileError where it cannot be."""
    settings, tensors = saved.encoder.state()
    tables = saved.network.tables
    for name in tables.layout.ranges:
        tensors[f"table.{name}.latent"] = np.ascontiguousarray(tables.latent(name))
        tensors[f"table.{name}.linear"] = np.ascontiguousarray(tables.linear(name))
    for name, value in saved.network.state_dict().items():
        tensors[f"dense.{name}"] = value.numpy()
    tensors["proof.rows"] = _to_bytes(saved.proof_rows)
    tensors["proof.probabilities"] = saved.proof_probabilities
    if saved.calibrator is not None:
        tensors |= {f"calibration.{name}": array for name, array in saved.calibrator.arrays().items()}
    header = {
        "format": FORMAT,
        "encoder": settings,
        "model": {"name": saved.config.name, **msgspec.to_builtins(saved.config)},
        "summary": saved.summary,
    }
    text = json.dumps(header)
    wrong = not_finite({name: tensor for name, tensor in tensors.items() if name.startswith(("table.", "dense."))})
    if wrong is not None:
        raise ModelFileError(f"{path}: {wrong}, and no model file holds such numbers: nothing was written")
    try:
        with whole_file(path) as part:
            save_file({**tensors, "checksum": checksum(text, tensors)}, part, {"manyhot": text})
    except (OSError, SafetensorError) as error:
        raise ModelFileError(f"{path}: cannot write the model: {error}") from None


def checksum(header: str, tensors: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    """SHA-256, uint8 [32], of the header and of every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        digest.update(f"\n{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(tensor.data)
    return np.frombuffer(digest.digest(), np.uint8)


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header alone. Raises ModelFileError."""
    return _open(path)[0]


def load_model(path: Path, *, heads: Mapping[str, BuildHead] | None = None, kernels: str = "native") -> SavedModel:
    """Reads a file and scores its proof rows.

    heads: functions that make the custom heads, as in training. Raises ModelFileError if the file is damaged, foreign
    or scores otherwise, ConfigError if it has custom heads that are not given.
    """
    header, tensors = _open(path)
    with _telling_damage(path, "the model file is damaged"):
        encoder = Encoder.from_state(header["encoder"], tensors)
        config = convert(header["model"], ModelConfig, "model")
    given, what = _given_heads(path, config, heads or {}), "the model file is damaged"
    if given:
        what += f", or was trained with another {', '.join(given)} than the given"
    with _telling_damage(path, what):
        network = build_model(
            config, TableLayout.of(encoder), select(kernels), num_labels=len(encoder.schema.labels), heads=given
        )
        _fill(network, tensors)
        calibration = _under("calibration.", tensors)
        saved = SavedModel(
            encoder,
            config,
            network,
            header["summary"],
            _from_bytes(tensors["proof.rows"]),
            tensors["proof.probabilities"],
            calibrator_from_arrays(calibration) if calibration else None,
        )
        again = saved.probabilities(open_source(saved.proof_rows))
    stored = saved.proof_probabilities
    if again.shape != stored.shape or not np.all(np.abs(again - stored) <= _PROOF_TOLERANCE):
        raise ModelFileError(
            f"{path}: the model scores its proof rows differently from when it was saved; do not use it"
        )
    return saved


@contextmanager
def _telling_damage(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (ManyhotError, KeyError, ValueError, TypeError, RuntimeError, pa.ArrowException) as error:
        raise ModelFileError(f"{path}: {what}: {error}") from None


def _given_heads(path: Path, config: ModelConfig, heads: Mapping[str, BuildHead]) -> dict[str, BuildHead]:
    """Those of the model; others may be given too, so that one set of functions loads all models of a user."""
    for name in config.custom_heads:
        if name not in heads:
            raise ConfigError(
                f'{path}: the model has a head of its user\'s own, "{name}"; load it in Python with '
                f'manyhot.load(path, heads={{"{name}": build}}), build being the function that it was trained with'
            )
    return {name: heads[name] for name in config.custom_heads}


def _open(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        if not path.is_file():
            raise ModelFileError(f"{path}: there is no such model file")
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            if "manyhot" not in metadata:
                raise ModelFileError(f"{path}: is a safetensors file, but not one that manyhot wrote")
            header = json.loads(metadata["manyhot"])
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                found = header.get("format") if isinstance(header, dict) else None
                raise ModelFileError(f"{path}: has format {found}, this version of manyhot reads format {FORMAT}")
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{path}: is no model file, or a truncated one: {error}") from None
    if tensors.pop("checksum", np.zeros(0)).tolist() != checksum(metadata["manyhot"], tensors).tolist():
        raise ModelFileError(f"{path}: the model file is damaged: its contents do not match its checksum")
    return header, tensors


def _fill(network: Model, tensors: dict[str, Any]) -> None:
    for name in network.tables.layout.ranges:
        for kind, view in (("latent", network.tables.latent(name)), ("linear", network.tables.linear(name))):
            tensor = tensors[f"table.{name}.{kind}"]
            if tensor.shape != view.shape or tensor.dtype != np.float32:
                raise ValueError(
                    f"table.{name}.{kind} is {tensor.dtype} {tensor.shape} instead of float32 {view.shape}"
                )
            view[...] = tensor
    dense = {name: torch.from_numpy(tensor) for name, tensor in _under("dense.", tensors).items()}
    shapes, wanted = ({name: tuple(t.shape) for name, t in d.items()} for d in (dense, network.state_dict()))
    for name in sorted({*shapes, *wanted}):
        if shapes.get(name) != wanted.get(name):
            raise ValueError(f"{name} is {shapes.get(name, 'absent')} instead of {wanted.get(name, 'absent')}")
    network.load_state_dict(dense)


def _under(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    """The tensors of this prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _to_bytes(table: pa.Table) -> np.ndarray[Any, Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _from_bytes(data: np.ndarray[Any, Any]) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(data.tobytes())) as reader:
        return reader.read_all()
