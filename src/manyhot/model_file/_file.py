"""The model file: one safetensors file with a checksum (storage/_tensors.py).

Tensors: vocabulary.<name>.tokens uint8, vocabulary.<name>.offsets int64; table.<name>.latent float32 [V, D],
table.<name>.linear float32 [V]; dense.<parameter>; proof.rows (an Arrow IPC stream of raw rows), proof.probabilities;
calibration.<array> float64, where scores are calibrated.
Its note is JSON with the format number, the version of manyhot that wrote it, the encoder's settings, the model's
configuration and a summary. What is read may come from a stranger, checksum and all: no size in it is believed before
it is compared with those of the tensors, which lie in the file (docs/reliability.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import torch

from manyhot.calibration import calibrator_from_arrays
from manyhot.data import Encoder, TableLayout, available_bytes, open_source
from manyhot.errors import ConfigError, ManyhotError, ModelFileError
from manyhot.kernels import select
from manyhot.nn import BuildHead, Model, build_model
from manyhot.schema import ModelConfig, convert
from manyhot.storage import TensorFile, opened_tensors, read_json, write_tensors

from ._saved import SavedModel

__all__ = ["load_model", "read_header", "save_model"]

FORMAT = 1
_DAMAGED = "the model file is damaged"
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
        "manyhot": version("manyhot"),
        "encoder": settings,
        "model": {"name": saved.config.name, **msgspec.to_builtins(saved.config)},
        "summary": saved.summary,
    }
    try:
        write_tensors(path, json.dumps(header, allow_nan=False), tensors)
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: cannot write the model: {error}") from None


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header alone, of a file that is whole. Raises ModelFileError."""
    with _opened(path) as (header, file):
        with _telling_damage(path, _DAMAGED):
            file.check()
        return header


def load_model(path: Path, *, heads: Mapping[str, BuildHead] | None = None, kernels: str = "native") -> SavedModel:
    """Reads a file and scores its proof rows.

    heads: functions that make the custom heads, as in training. Raises ModelFileError if the file is damaged, foreign
    or scores otherwise, ConfigError if it has custom heads that are not given.
    """
    with _opened(path) as (header, file):
        _check_memory(path, file.size)
        with _telling_damage(path, _DAMAGED):
            tensors = file.read()
    with _telling_damage(path, _DAMAGED):
        encoder = Encoder.from_state(header["encoder"], tensors)
        config = convert(header["model"], ModelConfig, "model")
    given, what = _given_heads(path, config, heads or {}), _DAMAGED
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


@contextmanager
def _opened(path: Path) -> Iterator[tuple[dict[str, Any], TensorFile]]:
    """The header of a file of our format, and its tensors, which are yet to be read."""
    try:
        with opened_tensors(path) as file:
            header = read_json(file.note.encode())
            _check_format(path, header)
            yield header, file
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such model file") from None
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ModelFileError(f"{path}: is no model file, or a truncated one: {error}") from None


def _check_format(path: Path, header: Any) -> None:
    found = header.get("format") if isinstance(header, dict) else None
    if type(found) is int and found > FORMAT:
        version = header.get("manyhot")
        by = f"manyhot {version[:20]}" if isinstance(version, str) and version.isprintable() else "a later manyhot"
        raise ModelFileError(
            f"{path}: has format {found}, this version of manyhot reads format {FORMAT}; it was written by {by}, which "
            "can read it"
        )
    if type(found) is not int or found != FORMAT:
        raise ModelFileError(f"{path}: has format {found!r:.40}, this version of manyhot reads format {FORMAT}")


def _check_memory(path: Path, size: int) -> None:
    """Its tensors, and once more the tables that they are copied to."""
    free = available_bytes()
    if free is not None and 2 * size > free:
        raise ModelFileError(
            f"{path}: loading it takes up to {2 * size / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free; load "
            "it on a larger machine"
        )


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
