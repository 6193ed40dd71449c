"""A fitted encoder as a file: one safetensors file."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manyhot.errors import DataError, ManyhotError
from manyhot.storage import whole_file

from ._encoder import Encoder
from ._vocabularies import Counted

__all__ = ["ENCODING", "load_encoder", "save_encoder"]

# Of everything that is kept between runs: to be raised whenever the same rows would be encoded or stored differently.
ENCODING = "5"


def save_encoder(path: Path, encoder: Encoder, *, num_read: int = 0, num_rejected: int = 0) -> None:
    """Writes the file, whole or not at all, with the numbers of rows it was fitted on. Raises OSError."""
    settings, arrays = encoder.state()
    counted = {name: v.counted and dataclasses.asdict(v.counted) for name, v in encoder.vocabularies.items()}
    rows = json.dumps([num_read, num_rejected])
    notes = {"encoder": json.dumps(settings), "counted": json.dumps(counted), "rows": rows}
    with whole_file(path) as part:
        try:
            save_file({k: np.ascontiguousarray(a) for k, a in arrays.items()}, part, notes)
        except SafetensorError as error:
            raise _os_error(error) from None


def _os_error(error: SafetensorError) -> OSError:
    """What the system said, out of the text that safetensors makes of it."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(told[1]), os.strerror(int(told[1]))) if told else OSError(str(error))


def load_encoder(path: Path) -> tuple[Encoder, int, int]:
    """What `save_encoder` wrote: the encoder, rows read, rows rejected. Raises DataError."""
    try:
        with safe_open(path, "numpy") as file:
            settings, counted, rows = (json.loads(file.metadata()[key]) for key in ("encoder", "counted", "rows"))
            num_read, num_rejected = rows
            names = list(file.keys())  # the file itself cannot be iterated
            encoder = Encoder.from_state(settings, {name: file.get_tensor(name) for name in names})
        for name, vocabulary in encoder.vocabularies.items():
            vocabulary.counted = counted[name] and Counted(**counted[name])
        return encoder, num_read, num_rejected
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, ManyhotError) as error:
        raise DataError(f"{path}: cannot read this encoder, delete it to fit anew: {error}") from None
