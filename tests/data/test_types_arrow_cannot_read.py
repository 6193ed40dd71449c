"""Columns of types that Arrow itself cannot read: one sentence that names file and column, whatever their role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manyhot.data import Encoder, Rejects, SourceBatch, open_source, parts_to_train_on
from manyhot.errors import DataError
from manyhot.profile import propose
from manyhot.schema import Field, Schema, Split

ROWS = 6
NOWHERE = pa.timestamp("s", "Mars/Phobos")
ONES = pa.RunEndEncodedArray.from_arrays([ROWS], [1.0])
BAD: dict[str, Any] = {
    "zone": pa.array([0] * ROWS, NOWHERE),
    "zone in a dictionary": pa.DictionaryArray.from_arrays(pa.array([0] * ROWS), pa.array([0], NOWHERE)),
    "zones in a list": pa.array([[0]] * ROWS, pa.list_(NOWHERE)),
    "interval": pa.array([pa.MonthDayNano([1, 2, 3])] * ROWS),
    "intervals in a list": pa.array([[pa.MonthDayNano([1, 2, 3])]] * ROWS),
    "runs": ONES,
    "tensor": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.int8(), [1]), pa.array([[1]] * ROWS, pa.list_(pa.int8(), 1))
    ),
}
# Parquet has no intervals and no runs, and forgets the zone of a dictionary.
STORED = [(bad, "arrow") for bad in BAD] + [(bad, "parquet") for bad in ("zone", "zones in a list", "tensor")]
SCHEMAS = {
    "tokens": Schema(label="y", fields=[Field("x")]),
    "numbers": Schema(label="y", fields=[Field("x", numeric=["log1p"])]),
    "weights of tokens": Schema(label="y", fields=[Field("city", weights="x")]),
    "weights of lists": Schema(label="y", fields=[Field("apps", weights="x")]),
    "label": Schema(label="x", fields=[Field("city")]),
    "group": Schema(label="y", group="x", fields=[Field("city")]),
    "example weights": Schema(label="y", example_weights="x", fields=[Field("city")]),
}


def rows(x: Any, **changes: Any) -> pa.Table:
    columns = {"y": [i % 2 for i in range(ROWS)], "city": list("abbacc"), "apps": [["a"]] * ROWS, "x": x}
    return pa.table({**columns, **changes})


def stored(table: pa.Table, folder: Path, kind: str) -> Path:
    path = folder / f"t.{kind}"
    if kind == "arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    else:
        pq.write_table(table, path)
    return path


@pytest.mark.parametrize("role", SCHEMAS)
@pytest.mark.parametrize(("bad", "kind"), STORED)
def test_one_sentence_names_the_column(bad: str, role: str, kind: str, tmp_path: Path) -> None:
    path = stored(rows(BAD[bad]), tmp_path, kind)
    with pytest.raises(DataError) as caught:
        Encoder.fit(SCHEMAS[role], open_source(path))
    assert str(caught.value).startswith(f'{path}: column "x" is '), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("bad", "kind"), STORED)
def test_init_leaves_it_out(bad: str, kind: str, tmp_path: Path) -> None:
    stored(rows(BAD[bad], y=[0, 1, 1, 0, 0, 1]), tmp_path, kind)
    proposal = propose([f"t.{kind}"], tmp_path)
    assert "gives no tokens" in proposal.left_out["x"]


@pytest.mark.parametrize(
    ("bad", "split"),
    [
        ("interval", Split(by="time", valid=0.2)),
        ("interval", Split(by="hash", key="x", valid=0.2)),
        ("zone", Split(by="hash", key="x", valid=0.2)),
    ],
)
def test_a_split_names_it_too(bad: str, split: Split, tmp_path: Path) -> None:
    path = stored(rows(BAD[bad]), tmp_path, "arrow")
    schema = Schema(label="y", time="x", fields=[Field("city")])
    with pytest.raises(DataError, match='column "x" is '):
        parts = parts_to_train_on({"train": open_source(path)}, schema, split)
        list(next(iter(parts.values())).batches(["city"], Rejects()))


VIEWS = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 1, 0, 1]), pa.array(["1", "2"], pa.string_view()))


@pytest.mark.parametrize("role", ["tokens", "numbers", "group", "example weights"])
def test_a_dictionary_of_views_is_read_as_text(role: str) -> None:
    plain = rows(pa.array(list("121212")))
    encoders = [Encoder.fit(SCHEMAS[role], open_source(table)) for table in (rows(VIEWS), plain)]
    chunks = [
        next(iter(encoder.encode(open_source(table), with_labels=True)))
        for encoder, table in zip(encoders, (rows(VIEWS), plain), strict=True)
    ]
    assert chunks[0].ids.tolist() == chunks[1].ids.tolist()
    assert encoders[0].fingerprint() == encoders[1].fingerprint()


def test_rows_of_maps_of_views_can_be_left_out() -> None:
    maps = pa.array([[("a", 1.0)], [("b", 2.0)]], pa.map_(pa.string_view(), pa.float32()))
    batch = SourceBatch(pa.record_batch([maps], ["x"]), "t")
    assert batch.without([0]).batch.column("x").to_pylist() == [[("b", 2.0)]]
