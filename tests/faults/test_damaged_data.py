"""Damaged data files, in short; and what the sentence about each says."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import damaged_data
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damaged_files import NUM_ROWS, WHOLE

from manyhot.data import Encoder, Rejects, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Schema

TEXT = Schema(label="y", fields=(Field("city"),))


def sentence(path: Path, raw: bytes, schema: Schema) -> str:
    path.write_bytes(raw)
    with pytest.raises(DataError) as caught:
        Encoder.fit(schema, open_source(path))
    said = str(caught.value)
    assert said.startswith(f"{path}: cannot read it as ")
    return said


def texts(count: int = 1000, **options: object) -> bytes:
    """Parquet of two columns, a row group for each 100 rows."""
    out = io.BytesIO()
    table = pa.table({"y": [i % 2 for i in range(count)], "city": [f"city {i:04}" for i in range(count)]})
    pq.write_table(table, out, row_group_size=100, use_dictionary=False, compression="none", **options)
    return out.getvalue()


def test_damaged_files_are_refused_or_read() -> None:
    assert damaged_data.run(220).startswith("220 files: 0 crashes")


@pytest.mark.parametrize("ending", WHOLE)
def test_whole_files_are_read(ending: str, tmp_path: Path) -> None:
    raw, schema = WHOLE[ending]
    (tmp_path / f"rows.{ending}").write_bytes(raw)
    rejects = Rejects()
    Encoder.fit(schema, open_source(tmp_path / f"rows.{ending}"), rejects=rejects)
    assert rejects.num_read == NUM_ROWS


def test_the_row_group_and_the_column_are_named(tmp_path: Path) -> None:
    raw = texts()
    at = raw.index(b"city 0450") - 4
    said = sentence(tmp_path / "t.parquet", raw[:at] + struct.pack("<I", 2**30) + raw[at + 4 :], TEXT)
    assert 'row group 5 (rows 401 to 500), column "city": ' in said


def test_a_checksum_of_a_page_is_checked_where_there_is_one(tmp_path: Path) -> None:
    said = sentence(tmp_path / "t.parquet", texts(write_page_checksum=True).replace(b"city 0450", b"city 0451"), TEXT)
    assert 'row group 5 (rows 401 to 500), column "city": ' in said and "CRC" in said
    (tmp_path / "t.parquet").write_bytes(texts().replace(b"city 0450", b"city 0451"))
    assert Encoder.fit(TEXT, open_source(tmp_path / "t.parquet"))  # nothing tells


def test_a_page_that_claims_too_much_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    raw = texts(data_page_version="1.0")
    header = bytes.fromhex("1500")  # PageHeader: the type, DATA_PAGE; then, zigzag in a varint, the size unpacked
    at = raw.index(header, 4)
    assert raw[at + 2] == 0x15
    size = bytes.fromhex("feffffff0f")  # 2^31 - 1
    end = at + 3
    while raw[end] & 128:
        end += 1
    said = sentence(tmp_path / "t.parquet", raw[: at + 3] + size + raw[end + 1 :], TEXT)
    assert "row group 1 (rows 1 to 100): column " in said and "claims" in said and "2,147,483,647" in said


def test_rows_that_are_missing_of_those_in_the_footer_are_noticed(tmp_path: Path) -> None:
    raw = texts()
    num_rows = bytes([0x16, *b"\xd0\x0f"])  # of the file, 1000 in zigzag
    place = raw.rindex(num_rows, 0, raw.index(b"ARROW:schema"))
    wrong = raw[:place] + bytes([0x16, *b"\xd2\x0f"]) + raw[place + 3 :]
    assert "footer: it names 1,001 rows, and there are 1,000" in sentence(tmp_path / "t.parquet", wrong, TEXT)


@pytest.mark.parametrize("kind", ["arrow", "stream"])
def test_the_record_batch_is_named(kind: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    table = pa.table({"y": [1, 0] * 100, "city": [f"c{i}" for i in range(200)]})
    with (pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream)(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    offsets = struct.pack("<3i", 0, 4, 8)  # those of the texts c100, c101 ..
    raw = out.getvalue()
    at = raw.index(offsets)
    wrong = raw[: at + 4] + struct.pack("<i", -4) + raw[at + 8 :]
    assert "record batch 3, from row 101 on: " in sentence(tmp_path / "t.arrow", wrong, TEXT)


def test_text_that_is_not_utf8_makes_bad_rows_of_good_files(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(texts().replace(b"city 0450", b"cit\xff 0450"))
    with pytest.raises(BadRowsError, match=r'1 of 1000 rows are bad[^\n]*\n.*row 451: column "city" is not UTF-8 text'):
        Encoder.fit(TEXT, open_source(tmp_path / "t.parquet"))


def test_the_line_where_a_packed_text_breaks_is_named(tmp_path: Path) -> None:
    raw, schema = WHOLE["packed.csv.gz"]
    assert "; from line 1 on" in sentence(tmp_path / "t.csv.gz", raw[:-8], schema)


def test_behind_a_url_the_row_is_named() -> None:
    raw = texts()
    at = raw.index(b"city 0450") - 4
    fsspec.filesystem("memory").pipe("/faults/damaged.parquet", raw[:at] + struct.pack("<I", 2**30) + raw[at + 4 :])
    with pytest.raises(DataError, match=r"memory://.*damaged\.parquet: cannot read it as parquet: from row 1 on: "):
        Encoder.fit(TEXT, open_source("memory://faults/damaged.parquet"))
