"""Examples on disk: what is read is what was written, mapped and not copied, and a file is whole or not there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import assert_same_chunks

from manyhot.data import EncodedChunk, Examples, write_examples
from manyhot.errors import DataError

weights = st.floats(width=32, allow_nan=False, allow_infinity=False)
ids = st.integers(0, 2**31 - 1)
keys = st.integers(0, 2**64 - 1)


@st.composite
def chunks(draw: st.DrawFn, num_fields: int, with_labels: bool, with_weights: bool, with_groups: bool) -> EncodedChunk:
    num_rows = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(0, 3), min_size=num_rows * num_fields, max_size=num_rows * num_fields))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    count = int(offsets[-1])
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=num_rows, max_size=num_rows)), np.float32)
    numbers = np.array(draw(st.lists(weights, min_size=count, max_size=count)), np.float32)
    return EncodedChunk(
        offsets,
        np.array(draw(st.lists(ids, min_size=count, max_size=count)), np.int32),
        numbers if draw(st.booleans()) or not count else None,
        labels if with_labels else None,
        np.array(draw(st.lists(weights, min_size=num_rows, max_size=num_rows)), np.float32) if with_weights else None,
        np.array(draw(st.lists(keys, min_size=num_rows, max_size=num_rows)), np.uint64) if with_groups else None,
    )


@settings(deadline=None, max_examples=80)
@given(st.data(), st.integers(1, 3), st.booleans(), st.booleans(), st.booleans())
def test_a_round_trip_changes_nothing(
    data: st.DataObject, num_fields: int, with_labels: bool, with_weights: bool, with_groups: bool
) -> None:
    written = data.draw(st.lists(chunks(num_fields, with_labels, with_weights, with_groups), max_size=4))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "examples.arrow"
        write_examples(path, iter(written), num_fields)
        read = Examples.open(path)
        assert [p.name for p in Path(folder).iterdir()] == ["examples.arrow"]
    assert read.num_fields == num_fields
    assert read.num_rows == sum((len(c.offsets) - 1) // num_fields for c in written)
    assert read.num_pairs == sum(len(c.ids) for c in written)
    assert_same_chunks(read.chunks, written)
    if with_labels and written:
        assert read.labels is not None
        assert read.labels.tolist() == [label for c in written for label in c.labels.tolist()]
    for name, is_there in (("example_weights", with_weights), ("groups", with_groups)):
        expected = [value for c in written for value in getattr(c, name).tolist()] if is_there and written else None
        found = getattr(read, name)
        assert (None if found is None else found.tolist()) == expected


def some(rows: int = 1000) -> EncodedChunk:
    ids, zeros = np.arange(rows, dtype=np.int32), np.zeros(rows, np.float32)
    weights = ids.astype(np.float32)
    return EncodedChunk(np.arange(rows + 1, dtype=np.int32), ids, weights, zeros, zeros, ids.astype(np.uint64))


def test_arrays_lie_in_the_mapped_file(tmp_path: Path) -> None:
    write_examples(tmp_path / "e.arrow", iter([some()]), 1)
    before = pa.total_allocated_bytes()
    (chunk,) = Examples.open(tmp_path / "e.arrow").chunks
    assert pa.total_allocated_bytes() == before
    arrays = [part for part in vars(chunk).values() if isinstance(part, np.ndarray)]
    assert len(arrays) == 6
    for array in arrays:
        assert not array.flags.owndata
        assert not array.flags.writeable


def test_any_arrow_tool_can_read_the_rows(tmp_path: Path) -> None:
    chunk = EncodedChunk(
        np.array([0, 2, 2, 3, 3], np.int32),
        np.array([4, 5, 6], np.int32),
        np.array([0.5, 1, 2], np.float32),
        np.float32([1, 0]),
    )
    write_examples(tmp_path / "e.arrow", iter([chunk]), 2)
    with pa.ipc.open_file(str(tmp_path / "e.arrow")) as file:
        rows = file.read_all().to_pylist()
    assert rows == [
        {"label": 1.0, "bags": [[{"id": 4, "weight": 0.5}, {"id": 5, "weight": 1.0}], []]},
        {"label": 0.0, "bags": [[{"id": 6, "weight": 2.0}], []]},
    ]


def test_rows_with_weights_and_groups_have_columns_of_them(tmp_path: Path) -> None:
    """Others have not: a column of nulls would cost as much as one of numbers."""
    one = np.ones(1, np.float32)
    chunk = EncodedChunk(
        np.array([0, 0], np.int32), np.zeros(0, np.int32), None, one, 2 * one, np.array([7], np.uint64)
    )
    write_examples(tmp_path / "e.arrow", iter([chunk]), 1)
    with pa.ipc.open_file(str(tmp_path / "e.arrow")) as file:
        assert file.read_all().to_pylist() == [{"label": 1.0, "bags": [[]], "example_weight": 2.0, "group": 7}]


class Interrupted(BaseException):
    """As KeyboardInterrupt is: no Exception."""


@pytest.mark.parametrize("error", [Interrupted, DataError, OSError])
@pytest.mark.parametrize("there_before", [False, True])
def test_an_interrupted_write_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], there_before: bool
) -> None:
    path = tmp_path / "e.arrow"
    if there_before:
        write_examples(path, iter([some(3)]), 1)

    def failing() -> Iterator[EncodedChunk]:
        yield some()
        raise error("stopped")

    with pytest.raises(error):
        write_examples(path, failing(), 1)
    assert [p.name for p in tmp_path.iterdir()] == ["e.arrow"] * there_before
    assert not there_before or Examples.open(path).num_rows == 3


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "e.arrow"
    write_examples(path, iter([some()]), 1)
    raw = path.read_bytes()
    foreign = pa.BufferOutputStream()
    with pa.ipc.new_file(foreign, pa.schema([("bags", pa.int32())])):
        pass
    for content in (
        b"",
        b"no Arrow at all" * 99,
        raw[: len(raw) // 2],
        raw[:-1],
        raw[5:],
        foreign.getvalue().to_pybytes(),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"e\.arrow: cannot read these Examples, delete them to encode anew"):
            Examples.open(path)
    path.unlink()
    with pytest.raises(DataError, match=r"e\.arrow: cannot read these Examples"):
        Examples.open(path)


def test_a_folder_of_parts_is_one_in_the_order_of_names(tmp_path: Path) -> None:
    parts = [some(rows) for rows in (3, 5, 4)]
    for name, part in zip((2, 0, 1), parts, strict=True):
        write_examples(tmp_path / f"part-{name:05}.arrow", iter([part]), 1)
    write_examples(tmp_path / "part-00009.arrow", iter([]), 1)
    (tmp_path / "part-00000.arrow.12.tmp").write_text("an interrupted write")
    examples = Examples.open(tmp_path)
    assert_same_chunks(examples.chunks, [parts[1], parts[2], parts[0]])
    assert (examples.num_rows, examples.num_fields) == (12, 1)


def test_parts_that_do_not_belong_together_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no Examples \(part-\*\.arrow\)"):
        Examples.open(tmp_path)
    write_examples(tmp_path / "part-0.arrow", iter([some(4)]), 1)
    write_examples(tmp_path / "part-1.arrow", iter([]), 2)
    with pytest.raises(DataError, match=r"part-1\.arrow: has 2 fields, the parts before it 1"):
        Examples.open(tmp_path)
    (tmp_path / "part-1.arrow").write_text("")
    with pytest.raises(DataError, match=r"part-1\.arrow: cannot read these Examples"):
        Examples.open(tmp_path)
