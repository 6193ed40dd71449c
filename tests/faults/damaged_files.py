"""Files of rows of every format, as users have them, and what may happen to their bytes on the way."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from manyhot.schema import Field, Schema, Separators

__all__ = ["NUM_ROWS", "SCHEMA", "WHOLE", "damaged"]

NUM_ROWS = 300
SCHEMA = Schema(
    label="y",
    example_weights="sure",
    group="person",
    fields=(
        Field("city"),
        Field("kind"),
        Field("apps", weights="minutes"),
        Field("tags"),
        Field("seen"),
        Field("day"),
        Field("age", numeric=["clip(0, 100)", "minmax"]),
        Field("person"),
    ),
)
_TEXT_SCHEMA = Schema(
    label="y",
    example_weights="sure",
    group="person",
    fields=(
        Field("city"),
        Field("apps", separators=Separators(pair=",", weight=":")),
        Field("day"),
        Field("age", numeric=["clip(0, 100)", "minmax"]),
        Field("person"),
    ),
)
_JSON_SCHEMA = Schema(label="y", fields=(Field("city"), Field("apps"), Field("tags"), Field("day"), Field("person")))


def _rows() -> pa.Table:
    rng = np.random.default_rng(5)
    lists = [[f"app{i}" for i in rng.integers(0, 40, rng.integers(0, 6))] for _ in range(NUM_ROWS)]
    cities = [f"city {i}" if i else None for i in rng.integers(0, 20, NUM_ROWS)]
    start = datetime.datetime(2014, 10, 21)
    moments = [start + datetime.timedelta(hours=int(i)) for i in rng.integers(0, 200, NUM_ROWS)]
    return pa.table(
        {
            "y": pa.array(rng.integers(0, 2, NUM_ROWS), pa.int8()),
            "sure": pa.array(rng.uniform(0.5, 2, NUM_ROWS), pa.float32()),
            "city": pa.array(cities),
            "kind": pa.array([f"kind{i}" for i in rng.integers(0, 5, NUM_ROWS)]).dictionary_encode(),
            "apps": pa.array(lists, pa.list_(pa.string())),
            "minutes": pa.array([rng.uniform(1, 9, len(bag)).tolist() for bag in lists], pa.list_(pa.float32())),
            "tags": pa.array(
                [[(f"t{i}", float(i + 1)) for i in rng.integers(0, 9, rng.integers(0, 4))] for _ in range(NUM_ROWS)],
                pa.map_(pa.string(), pa.float64()),
            ),
            "seen": pa.array(
                [[{"token": f"p{i}", "weight": 0.5} for i in rng.integers(0, 30, 2)] for _ in range(NUM_ROWS)],
                pa.list_(pa.struct([("token", pa.string()), ("weight", pa.float32())])),
            ),
            "day": pa.array(moments, pa.timestamp("us")),
            "age": pa.array([float(a) if a else None for a in rng.integers(0, 80, NUM_ROWS)], pa.float64()),
            "person": pa.array(rng.integers(0, 2**40, NUM_ROWS), pa.int64()),
        }
    )


def _parquet(rows: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(rows, out, row_group_size=100, **options)
    return out.getvalue()


def _arrow(rows: pa.Table, compression: str | None, is_stream: bool) -> bytes:
    out = io.BytesIO()
    open_writer = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    with open_writer(out, rows.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in rows.to_batches(max_chunksize=100):
            writer.write_batch(batch)
    return out.getvalue()


def _csv(rows: pa.Table) -> bytes:
    lines = ["y,sure,city,apps,day,age,person"]
    for row in rows.to_pylist():
        apps = ",".join(f"{app}:{minute:.2f}" for app, minute in zip(row["apps"], row["minutes"], strict=True))
        cells = [row["y"], f"{row['sure']:.3f}", row["city"] or "", f'"{apps}"', row["day"], row["age"] or ""]
        lines.append(",".join(map(str, [*cells, row["person"]])))
    return "\n".join([*lines, ""]).encode()


def _json_lines(rows: pa.Table) -> bytes:
    lines = []
    for row in rows.to_pylist():
        apps = dict(zip(row["apps"], row["minutes"], strict=True))
        tags = [list(pair) for pair in row["tags"]]
        lines.append(json.dumps({**row, "apps": apps, "tags": tags, "seen": None, "day": str(row["day"])}))
    return "\n".join([*lines, ""]).encode()


_ROWS = _rows()
_CSV = _csv(_ROWS)

# ending: bytes of a whole file, and what it is read by
WHOLE: dict[str, tuple[bytes, Schema]] = {
    "snappy.parquet": (_parquet(_ROWS, compression="snappy"), SCHEMA),
    "plain.parquet": (_parquet(_ROWS, compression="none", use_dictionary=False), SCHEMA),
    "sums.parquet": (_parquet(_ROWS, compression="zstd", write_page_checksum=True, data_page_version="2.0"), SCHEMA),
    "delta.parquet": (
        _parquet(_ROWS, compression="gzip", use_dictionary=False, column_encoding={"person": "DELTA_BINARY_PACKED"}),
        SCHEMA,
    ),
    "plain.arrow": (_arrow(_ROWS, None, is_stream=False), SCHEMA),
    "lz4.feather": (_arrow(_ROWS, "lz4", is_stream=False), SCHEMA),
    "stream.arrow": (_arrow(_ROWS, "zstd", is_stream=True), SCHEMA),
    "plain.csv": (_CSV, _TEXT_SCHEMA),
    "packed.csv.gz": (gzip.compress(_CSV), _TEXT_SCHEMA),
    "packed.csv.zst": (pa.compress(_CSV, "zstd", asbytes=True), _TEXT_SCHEMA),
    "plain.jsonl": (_json_lines(_ROWS), _JSON_SCHEMA),
}


def damaged(raw: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with one kind of damage, drawn anew each time; they may by chance be the same."""
    kinds: list[Callable[[bytearray, np.random.Generator], bytearray]] = [
        _flipped,
        _flipped,
        _flipped_near_the_end,
        _cut,
        _with_a_hole,
        _with_another_piece,
        _with_another_number,
        _without_a_piece,
    ]
    return bytes(kinds[rng.integers(len(kinds))](bytearray(raw), rng))


def _flipped(raw: bytearray, rng: np.random.Generator) -> bytearray:
    """From one bit to sixteen."""
    for place in rng.integers(0, len(raw), 2 ** rng.integers(0, 5)):
        raw[place] ^= 1 << rng.integers(8)
    return raw


def _flipped_near_the_end(raw: bytearray, rng: np.random.Generator) -> bytearray:
    """In the footer, where there is one."""
    for place in rng.integers(max(0, len(raw) - 6000), len(raw), 2 ** rng.integers(0, 4)):
        raw[place] = rng.integers(256)
    return raw


def _cut(raw: bytearray, rng: np.random.Generator) -> bytearray:
    return raw[: rng.integers(0, len(raw))]


def _with_a_hole(raw: bytearray, rng: np.random.Generator) -> bytearray:
    """A sector that was never written: zeros."""
    start = rng.integers(0, len(raw))
    end = min(len(raw), start + int(2 ** rng.integers(0, 13)))
    raw[start:end] = bytes(end - start)
    return raw


def _with_another_piece(raw: bytearray, rng: np.random.Generator) -> bytearray:
    """A piece of the file that stands in another place."""
    size = int(2 ** rng.integers(0, 12))
    here, there = rng.integers(0, max(1, len(raw) - size), 2)
    raw[here : here + size] = raw[there : there + size]
    return raw


def _with_another_number(raw: bytearray, rng: np.random.Generator) -> bytearray:
    """A length or an offset that is wrong: of 4 or 8 bytes anywhere, or as the varints of Parquet's headers."""
    number = int(rng.choice([0, 1, -1, 127, 255, 2**15, 2**16, 2**24, 2**31 - 1, 2**30, -(2**31), 2**28 - 1]))
    forms = [struct.pack("<i", number), struct.pack("<q", number), _varint(number), struct.pack("<q", number << 24)]
    new = forms[rng.integers(4)]
    near_end = rng.random() < 0.4
    place = int(rng.integers(max(0, len(raw) - 6000) if near_end else 0, len(raw)))
    raw[place : place + len(new)] = new
    return raw


def _without_a_piece(raw: bytearray, rng: np.random.Generator) -> bytearray:
    start = rng.integers(0, len(raw))
    del raw[start : start + int(2 ** rng.integers(0, 12))]
    return raw


def _varint(number: int) -> bytes:
    """Zigzag, as Thrift's compact protocol writes numbers."""
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
