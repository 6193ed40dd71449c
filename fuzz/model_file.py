"""The bytes of a model file, up to where its header is believed."""

from __future__ import annotations

import json
import tempfile
from math import prod
from pathlib import Path

from manyhot.errors import ModelFileError
from manyhot.model_file import read_header
from manyhot.storage import opened_tensors, read_json

FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
PATH = Path(FOLDER.name) / "file"


def one_input(data: bytes) -> None:
    """Accepted, it is what safetensors' rules say, and JSON as Python reads it; refused, by ValueError."""
    PATH.write_bytes(data)
    try:
        with opened_tensors(PATH) as file:
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            assert file.size == len(data) and file.note == header.pop("__metadata__")["manyhot"]
            sizes = {"U64": 8, "I64": 8, "F64": 8, "F32": 4, "I32": 4, "U8": 1}
            end = 0
            for tensor in header.values():
                assert tensor["data_offsets"] == [end, end + prod(tensor["shape"]) * sizes[tensor["dtype"]]]
                end = tensor["data_offsets"][1]
            assert 8 + int.from_bytes(data[:8], "little") + end == len(data)
    except ValueError as error:
        assert str(error), "no reason"
        return
    try:
        value = read_json(file.note.encode())
        assert value == json.loads(file.note) and json.loads(json.dumps(value, allow_nan=False)) == value
        read_header(PATH)
    except (ValueError, ModelFileError) as error:
        assert str(error), "no reason"
