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
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manyhot.calibration import calibrator_from_arrays
from manyhot.data import Encoder, TableLayout
from manyhot.errors import ConfigError, ManyhotError, ModelFileError
from manyhot.kernels import Float32s, select
from manyhot.nn import BuildHead, not_finite
from manyhot.schema import ModelConfig, Schema, convert, every_key
from manyhot.storage import VERSION, why_not_written, write_tensors

from ._again import scored_again
from ._fill import filled_network, tensors_of, under
from ._opened import FORMAT, check_memory, opened_model
from ._proof import rows_from_bytes, rows_to_bytes
from ._saved import SavedModel

__all__ = ["load_model", "read_header", "read_settings", "save_model"]

_MOST_WORDS = 400
_DAMAGED = "the model file is damaged"
# Scores may differ in the last digits between processors, whose matmuls sum in other orders.
_PROOF_TOLERANCE = 1e-5


def save_model(path: Path, saved: SavedModel) -> None:
    """Writes the file; it appears under its name only when it is whole. Raises ModelFileError where it cannot be."""
    settings, tensors = saved.encoder.state()
    tensors |= tensors_of(saved.network)
    tensors["proof.rows"] = rows_to_bytes(saved.proof_rows)
    tensors["proof.probabilities"] = saved.proof_probabilities
    if saved.calibrator is not None:
        tensors |= {f"calibration.{name}": array for name, array in saved.calibrator.arrays().items()}
    header = {
        "format": FORMAT,
        "manyhot": VERSION,
        # Every key of both, so that the file means the same to a version with other defaults.
        "encoder": settings,
        "model": every_key(saved.config),
        "summary": _plain(saved.summary),
    }
    wrong = not_finite({name: tensor for name, tensor in tensors.items() if name.startswith(("table.", "dense."))})
    if wrong is not None:
        raise ModelFileError(f"{path}: {wrong}, and no model file holds such numbers: nothing was written")
    try:
        write_tensors(path, json.dumps(header, allow_nan=False), tensors)
    except OSError as error:
        num_bytes = sum(tensor.nbytes for tensor in tensors.values())
        raise ModelFileError(why_not_written(path, "the model", error, num_bytes)) from None
    except ValueError as error:
        raise ModelFileError(f"{path}: cannot write the model: {error}") from None


def _plain(value: Any) -> Any:
    """The same with nothing for numbers that are none, as JSON knows no other."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header alone, of a file that is whole. Raises ModelFileError."""
    with opened_model(path) as (header, file):
        with _telling_damage(path, _DAMAGED):
            file.check()
        return header


def read_settings(path: Path) -> tuple[ModelConfig, Schema]:
    """The model's configuration and its rows' schema, of a file that is whole. Raises ModelFileError."""
    header = read_header(path)
    with _telling_damage(path, _DAMAGED):
        return convert(header["model"], ModelConfig, "model"), Schema.from_dict(header["encoder"]["schema"])


def load_model(path: Path, *, heads: Mapping[str, BuildHead] | None = None, kernels: str = "native") -> SavedModel:
    """Reads a file and scores its proof rows.

    heads: functions that make the custom heads, as in training. Raises ModelFileError if the file is damaged, foreign
    or scores otherwise, ConfigError if it has custom heads that are not given.
    """
    with opened_model(path) as (header, file):
        check_memory(path, file.size)
        with _telling_damage(path, _DAMAGED):
            tensors = file.read()
    with _telling_damage(path, _DAMAGED):
        encoder = Encoder.from_state(header["encoder"], tensors)
        config = convert(header["model"], ModelConfig, "model")
    given, what = _given_heads(path, config, heads or {}), _DAMAGED
    if given:
        what += f", or was trained with another {', '.join(given)} than the given"
    with _telling_damage(path, what):
        layout, num_labels = TableLayout.of(encoder), len(encoder.schema.labels)
        network, needed = filled_network(config, layout, select(kernels), tensors, num_labels=num_labels, heads=given)
        calibration = under("calibration.", tensors)
        saved = SavedModel(
            encoder,
            config,
            network,
            header["summary"],
            rows_from_bytes(tensors["proof.rows"]),
            tensors["proof.probabilities"],
            calibrator_from_arrays(calibration) if calibration else None,
        )
        _check_names(saved, tensors)
        again = scored_again(saved, needed, num_weights=sum(p.numel() for p in network.parameters()))
    if not _same_scores(again, saved.proof_probabilities):
        raise ModelFileError(
            f"{path}: the model scores its proof rows differently from when it was saved; do not use it"
        )
    return saved


def _check_names(saved: SavedModel, tensors: Mapping[str, Any]) -> None:
    """Raises ValueError where there is a tensor that nobody has read."""
    known = saved.encoder.array_names | {"proof.rows", "proof.probabilities"}
    known |= {f"table.{name}.{kind}" for name in saved.encoder.vocabularies for kind in ("latent", "linear")}
    known |= {f"calibration.{name}" for name in (saved.calibrator.arrays() if saved.calibrator is not None else ())}
    for name in tensors:
        if name not in known and not name.startswith("dense."):  # whose names have been compared
            raise ValueError(f"it holds the tensor {name[:60]!r}, which belongs to nothing")


def _same_scores(again: Float32s, stored: npt.NDArray[Any]) -> bool:
    same_kind = (again.shape, again.dtype) == (stored.shape, stored.dtype)
    return same_kind and bool(np.all(np.abs(again - stored) <= _PROOF_TOLERANCE))


@contextmanager
def _telling_damage(path: Path, what: str) -> Iterator[None]:
    """Whatever data of another shape than expected can raise: in a file from anybody that is no bug of ours."""
    try:
        yield
    except (
        ManyhotError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RuntimeError,  # RecursionError is one
        MemoryError,
        pa.ArrowException,
    ) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        if isinstance(error, MemoryError):
            said = f"it asks for more memory than there is: {said}".removesuffix(": ")
        # Names in it may come out of the file, and native code writes several lines.
        said = "".join(letter if letter.isprintable() else " " for letter in said[:_MOST_WORDS])
        raise ModelFileError(f"{path}: {what}: {said}") from None


def _given_heads(path: Path, config: ModelConfig, heads: Mapping[str, BuildHead]) -> dict[str, BuildHead]:
    """Those of the model; others may be given too, so that one set of functions loads all models of a user."""
    for name in config.custom_heads:
        if name not in heads:
            raise ConfigError(
                f'{path}: the model has a head of its user\'s own, "{name}"; load it in Python with '
                f'manyhot.load(path, heads={{"{name}": build}}), build being the function that it was trained with'
            )
    return {name: heads[name] for name in config.custom_heads}
