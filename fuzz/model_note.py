"""The note of a model file under a right checksum: encoder, model and summary, with the tensors of released files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from manyhot.errors import ConfigError, ModelFileError
from manyhot.model_file import load_model
from manyhot.storage import opened_tensors, write_tensors

RELEASED = Path(__file__).parents[1] / "tests" / "model_file" / "released" / "0.1.0"
FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
PATH = Path(FOLDER.name) / "file"
TENSORS = []
for _path in sorted(RELEASED.glob("*.manyhot")):
    with opened_tensors(_path) as _file:
        TENSORS.append(_file.read())
os.environ["MANYHOT_LEVEL"] = "baseline"


def one_input(data: bytes) -> None:
    """data: a byte that chooses the file, the note. The model loads, and scores its proof rows as before; or it is
    refused in one line that begins with the path."""
    try:
        write_tensors(PATH, data[1:].decode(), TENSORS[data[0] % len(TENSORS)] if data else {})
    except ValueError:  # no JSON, or no text
        return
    try:
        load_model(PATH)
    except (ModelFileError, ConfigError) as error:
        assert str(error).startswith(f"{PATH}: ") and str(error).isprintable() and len(str(error)) < 1000, repr(error)
