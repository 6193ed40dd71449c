"""Arrays with a JSON note in one file, whole or refused: a safetensors file with a checksum in it.

The format's own library could read it anywhere, but not as strictly as is needed here: it follows links, maps a file
that may become shorter meanwhile, takes a header of 100 MB, and knows no checksum; and what it writes only its owner
may read. The format is simple:

    8 bytes      the length of the header, little-endian
    the header   JSON {"__metadata__": {"manyhot": note}, name: {"dtype", "shape", "data_offsets"}, ...}, padded with
                 spaces to a multiple of 8
    the tensors  one right after the other, in the order of the header, to the last byte of the file

The tensor "checksum" uint8 [32] is the SHA-256 of the note and of all other tensors. (A second key of metadata would
make the bytes of the file depend on the order of a hash map.)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ._json import MOST_BYTES, read_json
from ._regular import open_regular
from ._whole import whole_file

__all__ = ["TensorFile", "opened_tensors", "tensors_checksum", "write_tensors"]

_NOTE, _CHECKSUM = "manyhot", "checksum"
# In the order in which their tensors lie in the file, so that all of them are aligned; it is the library's too.
_KINDS: dict[str, np.dtype[Any]] = {
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_PIECE = 2**20


def write_tensors(path: Path, note: str, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes the file, whole or not at all. Raises OSError, and ValueError where it could not be read again."""
    arrays = {**tensors, _CHECKSUM: tensors_checksum(note, tensors)}
    header: dict[str, Any] = {"__metadata__": {_NOTE: note}}
    places, first = list(_KINDS.values()), 0
    for name in sorted(arrays, key=lambda name: (places.index(arrays[name].dtype), name.encode())):
        array = arrays[name]
        end = first + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [first, end]}
        first = end
    spelled = _spelled(header)
    with whole_file(path) as part:
        with part.open("wb") as file:
            file.write(len(spelled).to_bytes(8, "little") + spelled)
            for name in list(header)[1:]:
                file.write(np.ascontiguousarray(arrays[name]).data)
        with opened_tensors(part):
            read_json(note.encode())


def tensors_checksum(note: str, tensors: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    """SHA-256, uint8 [32], of the note and of every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(note.encode())
    for name in sorted(tensors):
        digest.update(_described(name, tensors[name].dtype, tensors[name].shape))
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return np.frombuffer(digest.digest(), np.uint8)


@dataclass(frozen=True)
class Span:
    """Where a tensor lies in the file."""

    kind: np.dtype[Any]
    shape: tuple[int, ...]
    first: int
    size: int


class TensorFile:
    """An open file whose header is right in itself. note: JSON, not yet known to be undamaged. size: in bytes."""

    def __init__(self, file: BinaryIO, size: int, note: str, spans: dict[str, Span]) -> None:
        self._file, self.size, self.note, self._spans = file, size, note, spans

    def read(self) -> dict[str, npt.NDArray[Any]]:
        """All tensors but the checksum, by name. Raises ValueError where that is another than their contents'."""
        found = {}

        def taken(name: str, span: Span) -> Iterator[memoryview]:
            found[name] = np.empty(span.shape, span.kind)
            whole = found[name].reshape(-1).view(np.uint8).data
            self._fill(whole)
            yield whole

        self._check(taken)
        return found

    def check(self) -> None:
        """The same without keeping them: takes no memory."""
        piece = memoryview(bytearray(_PIECE))

        def passed(name: str, span: Span) -> Iterator[memoryview]:
            for first in range(0, span.size, _PIECE):
                part = piece[: min(_PIECE, span.size - first)]
                self._fill(part)
                yield part

        self._check(passed)

    def _check(self, pieces: Callable[[str, Span], Iterator[memoryview]]) -> None:
        digest = hashlib.sha256(self.note.encode())
        for name in sorted(self._spans.keys() - {_CHECKSUM}):
            span = self._spans[name]
            self._file.seek(span.first)
            digest.update(_described(name, span.kind, span.shape))
            for piece in pieces(name, span):
                digest.update(piece)
        self._file.seek(self._spans[_CHECKSUM].first)
        if self._file.read(digest.digest_size) != digest.digest():
            raise ValueError("its contents do not match its checksum")

    def _fill(self, whole: memoryview) -> None:
        if self._file.readinto(whole) != len(whole):  # type: ignore[attr-defined]
            raise ValueError("it became shorter while it was read")


@contextlib.contextmanager
def opened_tensors(path: Path) -> Iterator[TensorFile]:
    """Opens a file that `write_tensors` wrote, reads its header alone. Raises OSError as `open_regular` does, and
    ValueError where it is no such file."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= size - 8:
            raise ValueError("it does not begin with the length of a header that fits into it")
        if length > MOST_BYTES:
            raise ValueError(f"its header is {length:,} bytes long; at most {MOST_BYTES:,} are read")
        note, spans = _parsed(file.read(length), size - 8 - length)
        yield TensorFile(file, size, note, {n: Span(s.kind, s.shape, s.first + 8 + length, s.size) for n, s in spans})


def _parsed(text: bytes, data_size: int) -> tuple[str, list[tuple[str, Span]]]:
    header = read_json(text)
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or metadata.keys() != {_NOTE} or not isinstance(metadata[_NOTE], str):
        raise ValueError("it is a safetensors file, but not one that manyhot wrote")
    # One content has one spelling. Else a bit may change where nothing notices: "\u001f" and "\u001F" are the same.
    if _spelled(header) != text:
        raise ValueError("its header is not spelled as manyhot spells it")
    spans, end = [], 0
    for name, entry in header.items():
        if name != "__metadata__":
            span = _span(name, entry, end)
            spans.append((name, span))
            end += span.size
    if end != data_size:
        raise ValueError(f"its tensors take {end:,} bytes, and {data_size:,} follow its header")
    checksum = dict(spans).get(_CHECKSUM)
    if checksum is None or (checksum.kind, checksum.shape) != (_KINDS["U8"], (32,)):
        raise ValueError("it holds no checksum")
    return metadata[_NOTE], spans


def _span(name: str, entry: object, first: int) -> Span:
    """The place of a tensor that must begin at `first`."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"its tensor {name[:60]!r} is not described by dtype, shape and data_offsets alone")
    shape = entry["shape"]
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in _KINDS:
        raise ValueError(f"its tensor {name[:60]!r} is of none of the types {', '.join(_KINDS)}")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise ValueError(f"its tensor {name[:60]!r} has no shape of at most 8 whole numbers")
    kind = _KINDS[entry["dtype"]]
    size = prod(shape) * kind.itemsize  # of Python's numbers, which do not overflow
    if entry["data_offsets"] != [first, first + size] or not all(type(n) is int for n in entry["data_offsets"]):
        raise ValueError(f"its tensor {name[:60]!r} does not lie right behind the one before, at its size")
    return Span(kind, tuple(shape), first, size)


def _spelled(header: Mapping[str, Any]) -> bytes:
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return text + b" " * (-len(text) % 8)


def _described(name: str, kind: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    return f"\n{name} {kind} {shape}\n".encode()
