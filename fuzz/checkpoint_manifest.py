"""The manifest of a checkpoint under a right checksum, and the arrays file that it describes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from manyhot.errors import StorageError
from manyhot.storage import CheckpointFolder

FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
CHECKPOINT = Path(FOLDER.name) / "step-000000000007"
CHECKPOINT.mkdir()


def one_input(data: bytes) -> None:
    """data: a byte for the length of the arrays, those, the manifest without its end. It is read as Python's
    JSON says, or passed over with a reason."""
    size = 1 + data[0] if data else 0
    arrays, body = data[1:size], data[size:]
    (CHECKPOINT / "arrays").write_bytes(arrays)
    tail = f', "sha256": "{hashlib.sha256(body).hexdigest()}"}}\n'.encode()
    (CHECKPOINT / "manifest.json").write_bytes(body + tail)
    told: list[str] = []
    try:
        stored = CheckpointFolder(Path(FOLDER.name)).newest(told.append)
    except StorageError as error:
        assert " has format " in str(error), repr(error)
        return
    if stored is None:
        assert len(told) == 1 and told[0].startswith(f"{CHECKPOINT}: the checkpoint is damaged"), told
        return
    manifest = json.loads(body + tail)
    assert stored.step == manifest["step"] == 7 and stored.header == manifest["header"]
    assert b"".join(array.tobytes() for array in stored.arrays.values()) == arrays
