"""Examples on disk: whatever turns over in them is noticed when they are opened, and nothing of it reaches a kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from test_examples_on_disk import some

from manyhot.data import EncodedChunk, Examples, Prepared, open_source, prepare, write_examples
from manyhot.data._content_sum import content_sum
from manyhot.errors import DataError
from manyhot.schema import Field, Schema


def refused(path: Path) -> bool:
    try:
        Examples.open(path)
    except DataError as error:
        assert str(error).startswith(f"{path}: cannot read these Examples, delete them to encode anew: ")
        return True
    return False


def contents(path: Path) -> list[object]:
    """All that is read of them."""
    chunks = Examples.open(path).chunks
    return [(c.offsets.tolist(), c.ids.tolist(), c.weights.tolist(), c.labels.tolist(), c.origin) for c in chunks]


def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    """Arrow pads what it writes: a bit of the padding means nothing."""
    path = tmp_path / "e.arrow"
    write_examples(path, iter([some(7), some(40)]), 1)
    raw, good = path.read_bytes(), contents(path)
    for bit in range(0, 8 * len(raw), 37):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert refused(path) or contents(path) == good, f"bit {bit}"


@pytest.mark.parametrize("unit", [8, 4096])
def test_what_changes_places_is_noticed(tmp_path: Path, unit: int) -> None:
    random = np.random.default_rng(0)
    rows = 200_000
    ids = random.integers(0, 9999, rows).astype(np.int32)
    chunk = EncodedChunk(np.arange(rows + 1, dtype=np.int32), ids, None, np.zeros(rows, np.float32))
    path = tmp_path / "e.arrow"
    write_examples(path, iter([chunk]), 1)
    raw = path.read_bytes()
    at = raw.index(chunk.ids[:100].tobytes()) // unit * unit + unit
    for other in (at + unit, at + 70 * unit):
        swapped = bytearray(raw)
        swapped[at : at + unit], swapped[other : other + unit] = raw[other : other + unit], raw[at : at + unit]
        path.write_bytes(swapped)
        assert refused(path), other - at
    path.write_bytes(raw[:at] + bytes(unit) + raw[at + unit :])
    assert refused(path)


def test_of_equal_arrays_the_sum_is_equal_and_of_others_another() -> None:
    big = np.arange(100_000, dtype=np.float32)
    sums = {
        content_sum(arrays, note)
        for note in ("", "x")
        for arrays in (
            {"a": big},
            {"b": big},
            {"a": big[:-1]},
            {"a": big[::-1]},
            {"a": big.view(np.int32)},
            {"a": big.reshape(-1, 2)},
            {},
        )
    }
    assert len(sums) == 14
    assert content_sum({"a": big.copy(), "b": None}, "") == content_sum({"a": big, "b": big[:0]}, "")


WRONG: dict[str, Callable[[dict[str, object]], object]] = {
    "a path that climbs": lambda d: d["parts"].update({"../train": d["parts"].pop("train")}),
    "an absolute path": lambda d: d["parts"].update({"/etc": {"rows": 1}}),
    "parts are a list": lambda d: d.update(parts=[]),
    "a part without rows": lambda d: d["parts"].update(train={}),
    "reading of no kind": lambda d: d.update(reading={"formt": "csv"}),
    "reading is text": lambda d: d.update(reading="csv"),
    "other rows": lambda d: d["parts"].update(train={"rows": 10**30}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_description_of_a_prepared_folder_is_refused(tmp_path: Path, case: str) -> None:
    schema = Schema(label="y", fields=[Field("city")])
    prepare(schema, {"train": open_source(pa.table({"y": [0, 1], "city": ["a", "b"]}))}, tmp_path / "p")
    Prepared.open(tmp_path / "p", schema)
    path = tmp_path / "p" / "prepared.json"
    description = json.loads(path.read_text())
    WRONG[case](description)
    path.write_text(json.dumps(description))
    with pytest.raises(DataError, match="prepare"):
        Prepared.open(tmp_path / "p", schema)
