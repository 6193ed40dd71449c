"""Proof rows in plain columns: the same values, to bytes and back; of bytes from others, what costs more than it weighs
is refused."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from manyhot.data import open_source
from manyhot.model_file import load_model, save_model, take_proof
from manyhot.model_file._proof import plain_rows, rows_from_bytes, rows_to_bytes
from manyhot.schema import LR, Field, Schema, TrainingConfig
from manyhot.training import train

WORDS = ["a", None, "漢", "a"]
PLAIN = {
    "text": pa.array(WORDS),
    "large text": pa.array(WORDS, pa.large_string()),
    "bytes": pa.array([b"\xff", None, b"", b"a"]),
    "numbers": pa.array([1, None, 3, 4], pa.int8()),
    "floats": pa.array([0.5, None, -0.0, 1e300]),
    "halves": pa.array(np.array([0.5, 1, 2, 3], np.float16)),
    "bools": pa.array([True, None, False, True]),
    "days": pa.array([date(2024, 2, 29), None, date(1, 1, 1), date(9999, 12, 31)]),
    "moments": pa.array([datetime(2024, 2, 29, 1), None] * 2, pa.timestamp("us", "Europe/Berlin")),
    "decimals": pa.array([Decimal("1.50"), None] * 2),
    "nulls": pa.nulls(4),
    "lists": pa.array([["a", None], [], None, ["b"]]),
    "lists of nulls": pa.array([[None, None], [], None, [None]]),
    "pairs": pa.array([[{"token": "a", "weight": 0.5}], [], None, [{"token": "b", "weight": None}]]),
    "maps": pa.array([[("a", 1)], [], None, [("b", None)]], pa.map_(pa.string(), pa.int32())),
    "fixed": pa.array([[1, 2], [3, None], None, [5, 6]], pa.list_(pa.int64(), 2)),
    "deep": pa.array([[[["a"]]], [], None, [[[]]]]),
}
CODES = pa.array(["a", "b", "漢", "a"]).dictionary_encode()
OTHERS = {
    "codes": pa.array(WORDS).dictionary_encode(),
    "codes of numbers": pa.array([7, None, 7, 8]).dictionary_encode(),
    "lists of codes": pa.ListArray.from_arrays(pa.array([0, 1, 1, 2, 4], pa.int32()), CODES),
    "views": pa.array(WORDS, pa.string_view()),
    "byte views": pa.array([b"\xff", None, b"", b"a"], pa.binary_view()),
    "lists of views": pa.array([["a"], [], None, ["b", "a"]], pa.list_(pa.string_view())),
    "runs": pa.RunEndEncodedArray.from_arrays([2, 4], ["a", "b"]),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_columns_stay_as_they_are(kind: str) -> None:
    table = pa.table({"x": PLAIN[kind]})
    assert plain_rows(table).equals(table)
    assert rows_from_bytes(rows_to_bytes(table)).equals(table)


@pytest.mark.parametrize("kind", OTHERS)
def test_others_are_spelled_out(kind: str) -> None:
    table = pa.table({"x": OTHERS[kind]})
    plain = plain_rows(table)
    assert plain.to_pylist() == table.to_pylist()
    assert rows_from_bytes(rows_to_bytes(plain)).equals(plain)
    with pytest.raises(ValueError, match="never written"):
        rows_from_bytes(rows_to_bytes(table))


def test_metadata_and_slices_leave_nothing_behind() -> None:
    names = pa.array([f"name {i}" for i in range(5000)])
    table = pa.table({"x": names}, metadata={"pandas": "x" * 9999}).slice(7, 3)
    written = rows_to_bytes(plain_rows(table))
    assert len(written) < 1000
    assert rows_from_bytes(written).to_pylist() == table.to_pylist()


def test_models_of_coded_rows_load_and_score_the_same(tmp_path: Path) -> None:
    columns = {"codes": OTHERS["codes"], "views": OTHERS["views"], "lists": OTHERS["lists of codes"], "y": [0, 1, 1, 0]}
    schema = Schema(label="y", fields=[Field("codes"), Field("views"), Field("lists")])
    run = train(schema, LR(), train=pa.table(columns), training=TrainingConfig(epochs=2, threads=1))
    save_model(tmp_path / "m", take_proof(run.saved, open_source(pa.table(columns))))
    again = load_model(tmp_path / "m")
    expected = run.saved.probabilities(open_source(pa.table(columns)))
    np.testing.assert_array_equal(again.probabilities(open_source(again.proof_rows)), expected)


def test_nulls_that_take_no_bytes_are_counted() -> None:
    for column in (
        pa.ListArray.from_arrays(pa.array([0, 2**30], pa.int32()), pa.nulls(2**30)),
        pa.FixedSizeListArray.from_arrays(pa.nulls(2**30), 2**30),
        pa.StructArray.from_arrays([pa.FixedSizeListArray.from_arrays(pa.nulls(2**30), 2**30)], ["a"]),
    ):
        with pytest.raises(ValueError, match=r"proof.rows hold 1,073,741,82\d values in \d+ bytes"):
            rows_from_bytes(rows_to_bytes(pa.table({"x": column})))


def test_types_that_no_field_reads_are_refused() -> None:
    union = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array(["a", "b"])])
    for column in (union, pa.array([["a"], []], pa.list_view(pa.string())), pa.StructArray.from_arrays([union], ["a"])):
        with pytest.raises(ValueError, match="never written"):
            rows_from_bytes(rows_to_bytes(pa.table({"x": column})))


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_rows_are_refused(codec: str) -> None:
    table, sink = pa.table({"x": ["a" * 100_000] * 9}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)
    with pytest.raises(ValueError, match="compressed"):
        rows_from_bytes(np.frombuffer(sink.getvalue(), np.uint8))


@pytest.mark.parametrize("num_rows", [0, 1025])
def test_none_or_too_many(num_rows: int) -> None:
    with pytest.raises(ValueError, match="proof rows are none, or more than"):
        rows_from_bytes(rows_to_bytes(pa.table({"x": pa.nulls(num_rows)})))
