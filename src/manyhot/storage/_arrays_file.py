"""Arrays one after another in one raw file, and what a manifest must say of each.

One file, not one for each array: a sync costs milliseconds and a checkpoint has a hundred arrays; and no file gets its
name from an array. Not safetensors: its writer wants everything in memory once more, and cannot hash as it writes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ._durable import sync_and_release

__all__ = ["Entry", "entry_from", "read_arrays", "write_arrays"]

_TYPES = {np.dtype(kind): np.dtype(kind).name for kind in "bhiqBHIQefd"}
_BY_NAME = {name: kind for kind, name in _TYPES.items()}
_MOST_DIMENSIONS = 32
_CHUNK = 2**20
_SYNC_EVERY = 2**26  # bytes


@dataclass(frozen=True)
class Entry:
    """An array in the file: its bytes follow those of the entry before, little-endian, last index fastest."""

    name: str
    dtype: str
    shape: list[int]
    bytes: int
    sha256: str


def write_arrays(
    file: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]], before_piece: Callable[[], None]
) -> list[Entry]:
    """Writes the arrays (integers or floats, any strides) to an unbuffered file, a megabyte at a time.

    They must not change meanwhile. Raises TypeError for another type, OSError.
    """
    for name, array in arrays.items():
        if array.dtype.newbyteorder("=") not in _TYPES:
            raise TypeError(f"the array {name} is of {array.dtype}; an array in a file is of {', '.join(_BY_NAME)}")
    unsynced, entries = 0, []
    for name, array in arrays.items():
        digest = hashlib.sha256()
        for piece in _pieces(array):
            before_piece()
            digest.update(piece)
            unsynced += len(piece)
            while piece:
                piece = piece[file.write(piece) :]
            if unsynced >= _SYNC_EVERY:
                sync_and_release(file.fileno())
                unsynced = 0
        kind = _TYPES[array.dtype.newbyteorder("=")]
        entries.append(Entry(name, kind, list(array.shape), array.nbytes, digest.hexdigest()))
    return entries


def _pieces(array: npt.NDArray[Any]) -> Iterator[memoryview]:
    """Its bytes as they lie in the file."""
    kind = array.dtype.newbyteorder("=")
    pieces = np.nditer(  # type: ignore[call-overload]  # numpy's stubs call "contig" "config"
        array,
        ["external_loop", "buffered", "zerosize_ok"],
        [["readonly", "contig"]],
        op_dtypes=[kind.newbyteorder("<")],
        casting="equiv",
        order="C",
        buffersize=_CHUNK // kind.itemsize,
    )
    return map(_bytes_of, pieces)


def read_arrays(file: BinaryIO, entries: list[Entry]) -> dict[str, npt.NDArray[Any]]:
    """The arrays, each with the hash that its entry has. Raises ValueError where something does not fit, OSError."""
    size = file.seek(0, 2)
    wanted = sum(entry.bytes for entry in entries)
    if size != wanted:
        raise ValueError(f"its arrays have {size:,} bytes instead of {wanted:,}")
    file.seek(0)
    return {entry.name: _read(file, entry) for entry in entries}


def _read(file: BinaryIO, entry: Entry) -> npt.NDArray[Any]:
    array = np.empty(entry.shape, _BY_NAME[entry.dtype].newbyteorder("<"))
    digest = hashlib.sha256()
    rest = _bytes_of(array.reshape(-1))
    while rest:
        num_read = file.readinto(rest[:_CHUNK])  # type: ignore[attr-defined]
        if not num_read:
            raise ValueError("its arrays are cut off")
        digest.update(rest[:num_read])
        rest = rest[num_read:]
    if digest.hexdigest() != entry.sha256:
        raise ValueError(f"the array {entry.name} does not match its checksum")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _bytes_of(row: Any) -> memoryview:
    return memoryview(row.view(np.uint8))


def entry_from(value: Any) -> Entry:
    """An Entry as the manifest spells it. Raises ValueError."""
    match value:
        case {"name": str(), "dtype": str(kind), "shape": list(shape), "bytes": int(size), "sha256": str(), **others}:
            is_shape = len(shape) <= _MOST_DIMENSIONS and all(type(length) is int and length >= 0 for length in shape)
            is_known = kind in _BY_NAME and not others
            if is_shape and is_known and size == math.prod(shape) * _BY_NAME[kind].itemsize:
                return Entry(**value)
    raise ValueError("its manifest describes an array that cannot be")
