"""Small files that claim or unpack to very much are refused before memory is asked for, with the name of the file."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from manyhot.data import Encoder, open_source
from manyhot.errors import DataError
from manyhot.profile import propose
from manyhot.schema import Field, Schema

NULLS = 2**31 - 2
SCHEMA = Schema(label="y", fields=[Field("x")])
LABELS = pa.array([0, 1], pa.int8())


def arrow(path: Path, y: Any, x: Any, stream: bool = False) -> None:
    batch = pa.record_batch([y, x], ["y", "x"])
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, new(file, batch.schema) as writer:
        writer.write_batch(batch)


def dictionary(rows: int, text: str) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([text]))


def packed(path: Path, *pieces: tuple[bytes, int]) -> None:
    with gzip.open(path, "wb") as file:
        for piece, times in pieces:
            for _ in range(times):
                file.write(piece)


def nested(kind: str) -> pa.Array:
    nulls = pa.nulls(NULLS)
    if kind == "fixed":
        return pa.FixedSizeListArray.from_arrays(nulls, NULLS // 2)
    return pa.ListArray.from_arrays(pa.array([0, 0, NULLS], pa.int32()), nulls)


MEGABYTE = b"a" * (1 << 20)
BOMBS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "nulls": ("t.arrow", lambda p: arrow(p, pa.nulls(NULLS), pa.nulls(NULLS)), "2,147,483,646 values in a file of"),
    "nulls in a stream": (
        "t.arrow",
        lambda p: arrow(p, pa.nulls(NULLS), pa.nulls(NULLS), True),
        "2,147,483,646 values",
    ),
    "lists of a fixed length": ("t.arrow", lambda p: arrow(p, LABELS, nested("fixed")), "2,147,483,646 values"),
    "lists": ("t.arrow", lambda p: arrow(p, LABELS, nested("list")), "2,147,483,646 values"),
    "structs": (
        "t.arrow",
        lambda p: arrow(p, pa.nulls(NULLS), pa.StructArray.from_arrays([pa.nulls(NULLS)], ["a"])),
        "2,147,483,646 values",
    ),
    "a list of one long text": (
        "t.arrow",
        lambda p: arrow(
            p,
            LABELS,
            pa.ListArray.from_arrays(pa.array([0, 1, 300_000], pa.int32()), dictionary(300_000, "x" * 100_000)),
        ),
        "30,000,000,000 bytes of text",
    ),
    "a header": ("t.csv.gz", lambda p: packed(p, (MEGABYTE, 40)), "has no header that ends within 16 MiB"),
    "a quoted header": ("t.csv.gz", lambda p: packed(p, (b'"', 1), (b"a\n" * 1000, 20_000)), "no header that ends"),
    "a line": ("t.jsonl.gz", lambda p: packed(p, (b'{"y": 1, "x": "', 1), (MEGABYTE, 40), (b'"}\n', 1)), "32 MiB"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_reading_it_is_refused(bomb: str, tmp_path: Path) -> None:
    name, make, words = BOMBS[bomb]
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 500_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError) as caught:
        Encoder.fit(SCHEMA, open_source(tmp_path / name))
    assert str(caught.value).startswith(str(tmp_path / name)), caught.value
    assert words in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize("bomb", BOMBS)
def test_init_refuses_it_or_leaves_it_out(bomb: str, tmp_path: Path) -> None:
    name, make, _ = BOMBS[bomb]
    make(tmp_path / name)
    with pytest.raises(DataError) as caught:
        propose([name], tmp_path)
    assert str(tmp_path / name) in str(caught.value)


def test_many_rows_of_little_are_read(tmp_path: Path) -> None:
    """Packed flags of a million rows, and nulls beside them."""
    rows = 1 << 20
    table = pa.table({"y": np.arange(rows) % 2 == 0, "x": pa.nulls(rows)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as f, pa.ipc.new_file(f, table.schema, options=options) as writer:
        writer.write_table(table)
    assert (tmp_path / "t.arrow").stat().st_size < 20_000
    (chunk,) = Encoder.fit(SCHEMA, source := open_source(tmp_path / "t.arrow")).encode(source, with_labels=True)
    assert len(chunk.offsets) == rows + 1


def test_a_header_of_some_megabytes_is_read(tmp_path: Path) -> None:
    names = [f"column {i} of many" for i in range(200_000)]
    (tmp_path / "t.csv").write_text("\n\n" + ",".join(names) + "\n")
    assert open_source(tmp_path / "t.csv").columns() == names
