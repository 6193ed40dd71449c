"""Reads files of rows into a cache while the system refuses something: a child of `test_failing_files.py`.

Arguments: a file of rows, a folder for caches, and which limit ("files" or "bytes"). For each value of the limit it
prints JSON: [limit, what was said or null where all went well, files left behind, rows read afterwards without limit].
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from manyhot.data import ExampleCache, open_source
from manyhot.errors import DataError
from manyhot.schema import Field, Schema

SCHEMA = Schema(label="y", fields=(Field("city"), Field("age", numeric=("minmax",))))


def encoded(path: str, folder: Path) -> int:
    """How many rows."""
    store, source = ExampleCache(folder, num_threads=1), open_source(path)
    encoder, _ = store.fit(SCHEMA, source)
    return store.encode(encoder, source)[0].num_rows


def main(path: str, folder: str, kind: str) -> None:
    encoded(path, Path(folder) / "first")  # what is imported late, is imported now
    size = max(file.stat().st_size for file in (Path(folder) / "first").iterdir())
    number = resource.RLIMIT_NOFILE if kind == "files" else resource.RLIMIT_FSIZE
    before = resource.getrlimit(number)
    is_open = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 1
    limits = range(3, is_open + 4) if kind == "files" else [*range(0, size, size // 40 + 1), size + 4096]
    for limit in limits:
        cache, said = Path(folder) / f"cache-{limit}", None
        resource.setrlimit(number, (limit, before[1]))
        try:
            encoded(path, cache)
        except DataError as error:
            said = str(error)
        finally:
            resource.setrlimit(number, before)
        left = sorted(file.name for file in cache.rglob("*")) if cache.exists() else []
        print(json.dumps([limit, said, left, encoded(path, cache)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
