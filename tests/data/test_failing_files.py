"""Files that vanish, shrink or cannot be read while they are read, and disks that take no more: real errors each."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import failing_files
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from manyhot.data import Encoder, ExampleCache, open_source
from manyhot.errors import DataError
from manyhot.schema import Reading

ROWS = 4000
TABLE = pa.table(
    {"y": [i % 2 for i in range(ROWS)], "city": [f"city {i * 7 % 999}" for i in range(ROWS)], "age": list(range(ROWS))}
)
CSV = b"y,city,age\n" + b"".join(b"%d,city %d,%d\n" % (i % 2, i * 7 % 999, i) for i in range(ROWS))
JSON = b"".join(b'{"y": %d, "city": "c%d", "age": %d}\n' % (i % 2, i, i) for i in range(ROWS))
NAMES = ("t.parquet", "t.arrow", "t.csv", "t.csv.gz", "t.jsonl")


def written(path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(TABLE, path)
    elif path.suffix == ".arrow":
        feather.write_feather(TABLE, path, compression="uncompressed", chunksize=500)
    else:
        path.write_bytes({".csv": CSV, ".gz": gzip.compress(CSV), ".jsonl": JSON}[path.suffix])
    return path


def refused(path: Path, call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    said = str(caught.value)
    assert said.startswith(f"{path}: cannot ") and "\n" not in said
    return said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["gone", "cut", "folder"])
def test_a_file_that_changes_between_two_passes(name: str, change: str, tmp_path: Path) -> None:
    path = written(tmp_path / name)
    source = open_source(path)
    encoder = Encoder.fit(failing_files.SCHEMA, source)
    raw = path.read_bytes()
    path.unlink()
    if change == "cut":
        path.write_bytes(raw[: len(raw) - 3])
        if name in ("t.csv", "t.jsonl"):
            return  # a shorter file of text is one too; its last line may be bad
    if change == "folder":
        path.mkdir()
    said = refused(path, lambda: list(encoder.encode(source, with_labels=True)))
    assert change != "gone" or "No such file" in said


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_vanishes_leaves_no_cache(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name)
    source, cache = open_source(path), tmp_path / "cache"
    path.unlink()
    with pytest.raises(DataError):
        ExampleCache(cache).fit(failing_files.SCHEMA, source)
    assert not cache.exists()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that gives EIO: /proc/self/mem")
@pytest.mark.parametrize("kind", ["csv", "jsonl", "libsvm"])
def test_a_disk_that_fails(kind: str) -> None:
    path = Path("/proc/self/mem")  # a regular file, says the system; its first page is an EIO
    said = refused(path, lambda: Encoder.fit(failing_files.SCHEMA, open_source(path, reading=Reading(format=kind))))
    assert "Input/output error" in said and "line 1 on" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_cache_folder_that_may_not_be_written(tmp_path: Path) -> None:
    path, folder = written(tmp_path / "t.csv"), tmp_path / "locked"
    folder.mkdir(mode=0o500)
    refused(folder / "cache", lambda: ExampleCache(folder / "cache").fit(failing_files.SCHEMA, open_source(path)))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("kind", ["files", "bytes"])
@pytest.mark.parametrize("name", ["t.parquet", "t.csv.gz"])
def test_limits_of_the_system_leave_nothing_half_written(kind: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name)
    arguments = [sys.executable, failing_files.__file__, str(path), str(tmp_path / "caches"), kind]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(rows == ROWS for *_, rows in found)
    failed = [(limit, said, left) for limit, said, left, _ in found if said is not None]
    assert failed and failed[-1][0] < found[-1][0]  # the highest limit is no limit any more
    for limit, said, left in failed:
        assert "\n" not in said and ("Too many open files" if kind == "files" else "File too large") in said, limit
        assert said.startswith((f"{path}: cannot ", f"{tmp_path}/caches/cache-{limit}: cannot keep ")), said
        assert not [name for name in left if not name.startswith((".gitignore", "encoder-"))], (limit, said, left)
