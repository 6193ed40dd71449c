"""Reads files of rows as training does: a child of `damaged_data.py`, which may crash or hang without harm to it.

For each line "PATH ENDING" of standard input it writes what came of it, as JSON:
["accepted", rows read, rows accepted, digest of what they were encoded to], ["bad rows", rows read, rows rejected,
sentences], or ["refused", sentence]; and the most memory it has had, in MiB.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from damaged_files import WHOLE

from manyhot.data import Encoder, Rejects, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Schema

__all__ = ["read"]


def read(path: str, schema: Schema) -> list[Any]:
    """A pass that fits and one that encodes, as `train` makes them."""
    digest, num_accepted, rejects = hashlib.sha256(), 0, Rejects()
    try:
        source = open_source(path)
        encoder = Encoder.fit(schema, source, num_threads=1)
        for chunk in encoder.encode(source, with_labels=True, num_threads=1, rejects=rejects):
            num_accepted += (len(chunk.offsets) - 1) // len(schema.fields)
            for array in (chunk.offsets, chunk.ids, chunk.weights, chunk.labels, chunk.example_weights, chunk.groups):
                digest.update(b"" if array is None else array.tobytes())
    except BadRowsError as error:
        return ["bad rows", error.num_read, error.num_rejected, error.first]
    except DataError as error:
        return ["refused", str(error)]
    return ["accepted", rejects.num_read, num_accepted, digest.hexdigest() + encoder.fingerprint()]


def most_memory() -> int:
    """In KiB, of this process alone: getrusage also counts what its parent had when it was started."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


if __name__ == "__main__":
    faulthandler.enable()
    for line in sys.stdin:
        path, ending = line.split()
        found = read(path, WHOLE[ending][1])
        print(json.dumps([*found, most_memory() >> 10]), flush=True)
