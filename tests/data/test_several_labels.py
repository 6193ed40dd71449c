"""Several labels of a row: read, kept in memory, on disk and in prepared folders; missing ones; bad ones by column."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import encode, fit

from manyhot.data import EncodedChunk, ExampleCache, Examples, Prepared, Rejects, open_source, prepare, write_examples
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import BadRows, Field, Schema

SCHEMA = Schema(labels=("click", "buy"), fields=(Field("city"),))
NAN = float("nan")


def table(clicks: list[Any], buys: list[Any]) -> pa.Table:
    return pa.table({"city": [f"c{i % 3}" for i in range(len(clicks))], "buy": buys, "click": clicks})


def labels_of(chunks: list[EncodedChunk]) -> np.ndarray:
    return np.concatenate([chunk.labels for chunk in chunks])


@pytest.mark.parametrize(
    ("clicks", "buys"),
    [
        ([1, 0, None, 1], [0, None, 1, 1]),
        ([1.0, 0.0, None, 1.0], [False, None, True, True]),
        (["1", "0", "", "1"], ["0", None, "1", "1"]),
    ],
    ids=["whole numbers", "floats and bools", "text"],
)
def test_labels_come_in_the_order_of_the_schema_and_missing_ones_as_nan(clicks: list[Any], buys: list[Any]) -> None:
    rows = table(clicks, buys)
    chunks = encode(fit(SCHEMA, rows), rows, with_labels=True)
    found = labels_of(chunks)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(found, [[1, 0], [0, NAN], [NAN, 1], [1, 1]])
    assert all(chunk.labels is None for chunk in encode(fit(SCHEMA, rows), rows))


def test_one_label_is_one_dimension_and_must_be_there() -> None:
    one = Schema(labels=("buy",), fields=SCHEMA.fields)
    assert labels_of(encode(fit(one, table([1, 1], [0, 1])), table([1, 1], [0, 1]), with_labels=True)).shape == (2,)
    with pytest.raises(BadRowsError, match="missing"):
        fit(one, table([1, 1], [0, None]))


def test_a_bad_label_names_its_column_and_a_row_without_any_is_bad() -> None:
    rows = table(["1", "2", None, "1", "0"], ["0", "0", None, "no", "7"])
    with pytest.raises(BadRowsError) as caught:
        fit(SCHEMA, rows)
    reasons = [sentence.partition(": ")[2] for sentence in caught.value.first]
    assert caught.value.num_rejected == 4
    assert reasons == [
        'column "click" (the label) is neither 0 nor 1',
        'column "buy" (the label) is missing, as are all the others',
        "column \"buy\" is not a number: 'no'",
        'column "buy" (the label) is neither 0 nor 1',
    ]


def test_borne_bad_rows_take_their_labels_with_them(tmp_path: Path) -> None:
    rows = table(["1", "2", "0", "1"], ["0", "0", None, "1"])
    rejects = Rejects(BadRows(max_rows=1))
    encoder = fit(SCHEMA, table([1, 1, 1, 1], [0, 0, 0, 0]))
    chunks = list(encoder.encode(open_source(rows), with_labels=True, rejects=rejects))
    np.testing.assert_array_equal(labels_of(chunks), [[1, 0], [0, NAN], [1, 1]])
    assert rejects.num_rejected == 1


@settings(deadline=None, max_examples=30)
@given(st.data(), st.integers(2, 4))
def test_labels_on_disk_are_those_written(data: st.DataObject, num_labels: int) -> None:
    label = st.sampled_from((0.0, 1.0, NAN))
    written = []
    for size in data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)):
        labels = [data.draw(st.lists(label, min_size=num_labels, max_size=num_labels)) for _ in range(size)]
        offsets = np.zeros(size + 1, np.int32)
        written.append(EncodedChunk(offsets, np.zeros(0, np.int32), None, np.array(labels, np.float32)))
    with tempfile.TemporaryDirectory() as folder:
        write_examples(Path(folder) / "e.arrow", iter(written), 1)
        read = Examples.open(Path(folder) / "e.arrow")
        assert [chunk.labels.shape for chunk in read.chunks] == [chunk.labels.shape for chunk in written]
        assert not any(chunk.labels.flags.owndata for chunk in read.chunks)
        np.testing.assert_array_equal(read.labels, labels_of(written))
        assert read.num_labels == num_labels


def test_the_cache_and_prepared_rows_keep_labels_apart_from_those_of_another_schema(tmp_path: Path) -> None:
    rows = table([1, 0, None, 1], [0, None, 1, 1])
    pq.write_table(rows, tmp_path / "rows.parquet")
    source, cache = open_source(tmp_path / "rows.parquet"), ExampleCache(tmp_path / "cache")
    encoder, _ = cache.fit(SCHEMA, source)
    for expected in (False, True):
        examples, was_there = cache.encode(encoder, source)
        assert was_there is expected
        np.testing.assert_array_equal(examples.labels, [[1, 0], [0, NAN], [NAN, 1], [1, 1]])
    swapped, was_there = cache.fit(Schema(labels=("buy", "click"), fields=SCHEMA.fields), source)
    assert not was_there
    np.testing.assert_array_equal(cache.encode(swapped, source)[0].labels[0], [0, 1])

    prepare(SCHEMA, {"train": source}, tmp_path / "prepared")
    opened = Prepared.open(tmp_path / "prepared", SCHEMA)
    np.testing.assert_array_equal(opened.examples["train"].labels, examples.labels)
    with pytest.raises(DataError, match='the label was "click", "buy", now "buy"'):
        Prepared.open(tmp_path / "prepared", Schema(label="buy", fields=SCHEMA.fields))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match='"buy"'):
        fit(SCHEMA, pa.table({"city": ["a"], "click": [1]}))
