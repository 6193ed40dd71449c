"""Encoded rows out of a damaged file are refused by name, whatever is wrong with them; nothing follows a wrong id."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest
from row_lists import fit, schema_of, with_label

from manyhot.data import Encoder, Examples, Loader, TableLayout, open_source, write_examples
from manyhot.errors import DataError
from manyhot.kernels import select
from manyhot.schema import Field

ROWS = with_label({"city": [f"city {i % 9}" for i in range(200)], "age": [i % 40 for i in range(200)]})
SCHEMA = schema_of(Field("city"), Field("age"))


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Encoder, Path]:
    encoder = fit(SCHEMA, ROWS)
    write_examples(tmp_path / "e.arrow", encoder.encode(open_source(ROWS), with_labels=True), 2)
    return encoder, tmp_path / "e.arrow"


def read(encoder: Encoder, path: Path) -> int:
    examples = Examples.open(path)
    layout, kernels = TableLayout.of(encoder), select("native")
    return sum(len(batch.labels) for batch in Loader(examples, layout, kernels, 64, with_plan=True).epoch())


def written(encoder: Encoder, path: Path, **changed: np.ndarray) -> None:
    """Rows with another array, under a checksum that holds."""
    chunk = next(encoder.encode(open_source(ROWS), with_labels=True))
    write_examples(path, iter([dataclasses.replace(chunk, **changed)]), 2)


def test_an_id_outside_the_table(whole: tuple[Encoder, Path]) -> None:
    encoder, path = whole
    assert read(*whole) == 200
    ids = Examples.open(path).chunks[0].ids
    written(encoder, path, ids=np.where(np.arange(len(ids)) == 7, 10**6, ids).astype(np.int32))
    with pytest.raises(DataError, match=rf"^{path}: cannot read these Examples, .*: an id lies outside the table"):
        read(encoder, path)


def test_offsets_that_fall(whole: tuple[Encoder, Path]) -> None:
    encoder, path = whole
    offsets = Examples.open(path).chunks[0].offsets
    written(encoder, path, offsets=np.where(np.arange(len(offsets)) == 15, 3, offsets).astype(np.int32))
    with pytest.raises(DataError, match=rf"^{path}: cannot read these Examples, .*: offsets must not fall"):
        read(encoder, path)


def test_no_flip_of_a_byte_escapes(whole: tuple[Encoder, Path]) -> None:
    encoder, path = whole
    raw, rng = path.read_bytes(), np.random.default_rng(2)
    refused = 0
    for place in rng.integers(0, len(raw), 300).tolist():
        path.write_bytes(raw[:place] + struct.pack("B", raw[place] ^ (1 << int(rng.integers(8)))) + raw[place + 1 :])
        try:
            read(encoder, path)
        except DataError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > 50
