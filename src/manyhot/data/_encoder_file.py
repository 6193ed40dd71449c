"""A fitted encoder as a file: tensors and a JSON note under a checksum, as in a model file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from manyhot.errors import DataError, ManyhotError
from manyhot.storage import opened_tensors, read_json, write_tensors

from ._encoder import Encoder
from ._vocabularies import Counted

__all__ = ["ENCODING", "load_encoder", "save_encoder"]

# Of everything that is kept between runs: to be raised whenever the same rows would be encoded or stored differently.
ENCODING = "6"


def save_encoder(path: Path, encoder: Encoder, *, num_read: int = 0, num_rejected: int = 0) -> None:
    """Writes the file, whole or not at all, with the numbers of rows it was fitted on. Raises OSError."""
    settings, arrays = encoder.state()
    counted = {name: v.counted and dataclasses.asdict(v.counted) for name, v in encoder.vocabularies.items()}
    note = {"encoder": settings, "counted": counted, "rows": [num_read, num_rejected]}
    write_tensors(path, json.dumps(note), arrays)


def load_encoder(path: Path) -> tuple[Encoder, int, int]:
    """What `save_encoder` wrote: the encoder, rows read, rows rejected. Raises DataError."""
    try:
        with opened_tensors(path) as file:
            note, arrays = read_json(file.note.encode()), file.read()
        num_read, num_rejected = (_count(number) for number in note["rows"])
        encoder = Encoder.from_state(note["encoder"], arrays)
        for name, vocabulary in encoder.vocabularies.items():
            counted = note["counted"][name]
            vocabulary.counted = counted and Counted(**{key: _count(number) for key, number in counted.items()})
        return encoder, num_read, num_rejected
    except (OSError, KeyError, ValueError, TypeError, AttributeError, ManyhotError) as error:
        raise DataError(f"{path}: cannot read this encoder, delete it to fit anew: {error}") from None


def _count(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"{number!r:.40} is no count of rows")
    return number
