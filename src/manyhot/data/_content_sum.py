"""A checksum that is as fast as memory: of arrays that are read back at every run, where SHA-256 would take seconds.

It is there for disks that err, not for people who forge. An array is laid out in rows of 4099 words of eight bytes,
whose columns are summed modulo 2^64: a bit that turns over changes one sum. As 4099 is prime, pages or blocks that
change places do not keep their columns. SHA-256 of the sums, names, types and shapes is the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["content_sum"]

_WIDTH = 4099


def content_sum(arrays: Mapping[str, npt.NDArray[Any] | None], note: str) -> str:
    """64 hexadecimal digits, of arrays by name and of a text; None is as an empty array."""
    digest = hashlib.sha256(note.encode())
    for name, array in arrays.items():
        if array is not None and array.size:
            digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
            letters = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            whole = len(letters) // (8 * _WIDTH) * (8 * _WIDTH)
            words = letters[:whole].view(np.uint64).reshape(-1, _WIDTH)
            digest.update(words.sum(axis=0, dtype=np.uint64).tobytes())
            digest.update(letters[whole:].tobytes())
    return digest.hexdigest()
