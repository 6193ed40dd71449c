"""The manifest of a checkpoint: JSON that says what the checkpoint is, and that proves itself.

    {"manyhot checkpoint": 1, "written by": "0.1.0", "step": .., "header": {..}, "arrays": [..], "sha256": ".."}

The last key is the SHA-256 of all bytes before it. That, and the first two keys, stay the same in all formats, so that
a reader knows a checkpoint of a later version from a damaged one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from manyhot.errors import StorageError

from ._arrays_file import Entry, entry_from
from ._json import read_json
from ._version import VERSION

__all__ = ["manifest_from", "manifest_of"]

FORMAT = 1
_TAIL = re.compile(rb', "sha256": "([0-9a-f]{64})"\}\n\Z')


def manifest_of(step: int, header: Mapping[str, Any], entries: Sequence[Entry]) -> bytes:
    """The bytes of the file. Raises ValueError where the header is nothing that `read_json` would give back."""
    body = {
        "manyhot checkpoint": FORMAT,
        "written by": VERSION,
        "step": step,
        "header": dict(header),
        "arrays": [asdict(entry) for entry in entries],
    }
    data = json.dumps(body, allow_nan=False).encode().removesuffix(b"}")
    data += f', "sha256": "{hashlib.sha256(data).hexdigest()}"}}\n'.encode()
    if read_json(data)["header"] != header:
        raise ValueError("the header of a checkpoint must be plain JSON: dict with names, list, str, int, float")
    return data


def manifest_from(data: bytes) -> tuple[int, dict[str, Any], list[Entry]]:
    """Step, header and arrays. Raises ValueError where it is damaged, StorageError where a later version wrote it."""
    tail = _TAIL.search(data[-100:])
    if tail is None:
        raise ValueError("its manifest is cut off or none of ours")
    before = data[: len(data) - len(tail[0])]
    if hashlib.sha256(before).hexdigest().encode() != tail[1]:
        raise ValueError("its manifest does not match its checksum")
    found = read_json(data)
    match found:
        case {"manyhot checkpoint": int(number)} if number != FORMAT:
            raise StorageError(
                f"has format {number}, this version of manyhot reads format {FORMAT}; read it with manyhot "
                f"{found.get('written by')!s:.40}, or take another folder"
            )
        case {"manyhot checkpoint": int(), "step": int(step), "header": dict(header), "arrays": list(arrays)}:
            entries = [entry_from(array) for array in arrays]
            if len({entry.name for entry in entries}) == len(entries):
                return step, header, entries
    raise ValueError("its manifest is none of a checkpoint")
