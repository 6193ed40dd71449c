"""Rows as dicts: lists, iterables that start anew, generators that do not; what they leave behind; errors by row."""

from __future__ import annotations

import datetime
import decimal
import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from row_lists import assert_same_chunks, bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of

import manyhot
from manyhot.data import Encoder, Rejects, open_source
from manyhot.data.sources import _records
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field

FIELD = Field("f")
SCHEMA = schema_of(FIELD, Field("price", numeric=["clip(0, 5)"]))


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Values of a kind that changes on the way, and keys that come and go."""
    for i in range(count):
        row: dict[str, Any] = {"y": i % 2, "f": f"t{i % 7}" if i < count // 2 else [[f"t{i % 5}", i % 4]]}
        yield row | ({"price": i / 10} if i % 3 else {}) | ({"late": i} if i > count // 2 else {})


def open_files() -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except OSError:
            continue
    return [name for name in found if "manyhot-" in name or name.endswith("(deleted)")]


def test_a_generator_is_read_once_and_serves_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_records, "BATCH_ROWS", 100)
    drawn = []

    def counted() -> Iterator[dict[str, Any]]:
        for row in rows(1000):
            drawn.append(row)
            yield row

    source = open_source(counted())
    assert not drawn
    encoder = Encoder.fit(SCHEMA, source)
    first = list(encoder.encode(source, with_labels=True))
    assert len(drawn) == 1000
    assert_same_chunks(first, list(encoder.encode(source, with_labels=True)))
    assert_same_chunks(first, encode(fit(SCHEMA, list(rows(1000))), list(rows(1000)), with_labels=True))
    # columns that the fit did not ask for are there too
    batches = list(source.batches(["late"], Rejects()))
    assert [row["late"] for b in batches for row in b.batch.to_pylist()] == [None] * 501 + list(range(501, 1000))


def test_two_passes_at_a_time_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_records, "BATCH_ROWS", 10)
    source = open_source(rows(100))
    one, two = source.batches(["y"], Rejects()), source.batches(["y", "f"], Rejects())
    for left, right in zip(one, two, strict=True):
        assert left.batch["y"] == right.batch["y"]


def test_the_file_of_a_generator_has_no_name_and_goes_with_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(open_files())
    source = open_source(rows(1000))
    Encoder.fit(SCHEMA, source)
    assert len(open_files()) == before + 1
    assert list(tmp_path.iterdir()) == []
    del source
    gc.collect()
    assert len(open_files()) == before


def test_a_disk_that_cannot_hold_them_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent/folder")
    with pytest.raises(DataError, match=r"cannot keep the rows in a temporary file in .*set TMPDIR"):
        fit(SCHEMA, rows(10))


def test_an_iterable_that_starts_anew_is_read_again() -> None:
    class Rows:
        starts = 0

        def __iter__(self) -> Iterator[dict[str, Any]]:
            self.starts += 1
            return rows(50)

    data = Rows()
    encoder = fit(SCHEMA, data)
    assert data.starts == 1
    assert_same_chunks(encode(encoder, data), encode(encoder, list(rows(50))))
    assert data.starts == 2
    assert_same_chunks(encode(encoder, tuple(rows(50))), encode(encoder, list(rows(50))))


@pytest.mark.parametrize("make", [list, iter])
@pytest.mark.parametrize("bad", [7, "a", ["f"], None])
def test_a_row_that_is_no_dict_is_named(make: Any, bad: Any) -> None:
    good = {"y": 1, "f": "a", "price": 1}
    with pytest.raises(DataError, match=f"the rows, row 3: is {type(bad).__name__}, not a dict"):
        fit(SCHEMA, make([good, good, bad]))
    with pytest.raises(DataError, match="row 2: has a key that is no text"):
        fit(SCHEMA, make([good, good | {3: 4}]))


@pytest.mark.parametrize("make", [list, iter])
def test_bad_values_are_named_by_row_and_column(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_records, "BATCH_ROWS", 3)
    good = {"y": 1, "f": "a", "price": 1, "other": object}
    bad = {
        2: ({"f": [["a", "heavy"]]}, "column \"f\" holds a weight that is no number: 'heavy'"),
        4: ({"f": [{"token": "a"}]}, 'column "f" holds an object whose keys are not "token" and "weight"'),
        5: ({"f": [["a", 1], ["b", float("nan")]]}, 'column "f" has a weight that is null, NaN or infinite'),
        6: ({"f": "\ud800"}, 'column "f" is not UTF-8 text'),
        8: ({"price": "x"}, 'column "price" is not a number'),
        9: ({"f": [[1, 2, 3]]}, 'column "f" holds a list of 3 in a list'),
        10: ({"f": [["a", 1], 2.5]}, 'column "f" holds 2.5 as a token'),
        11: ({"f": [object()]}, 'column "f" holds a object; '),
        13: ({"y": 2}, "(the label) is neither 0 nor 1"),
    }
    data = [good | bad.get(i, ({}, ""))[0] for i in range(1, 15)]
    with pytest.raises(BadRowsError) as caught:
        fit(SCHEMA, make(data))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith(f"{len(bad)} of 14 rows are bad ({14 - len(bad)} are good)")
    for line, (row, (_, why)) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"  the rows, row {row}: ")
        assert why in line


def test_what_python_and_numpy_hold() -> None:
    day = datetime.date(2024, 5, 1)
    data = [
        {"y": np.int64(1), "f": np.str_("a"), "price": np.float32(0.5)},
        {"y": np.bool_(True), "f": ("a", "b"), "price": decimal.Decimal("1.5")},
        {"y": 0.0, "f": np.array(["b"]), "price": None},
        {"y": True, "f": {"c": np.float64(0.25)}},
        {"y": 0, "f": {"a"}, "price": np.int8(3)},
    ]
    field = Field("f")
    assert bags_as_tokens(fit(schema_of(field), data[:1] + data[2:3]), field, data) == [
        [("a", 1.0)],
        [("a", 1.0), ("b", 1.0)],
        [("b", 1.0)],
        [("OOV", 0.25)],
        [("a", 1.0)],
    ]
    dates = [{"y": 1, "f": day}, {"y": 0, "f": None}]
    assert tokens_of(fit(schema_of(field), dates), "f") == ["OOV", "2024-05-01"]
    mixed = [{"y": 1, "f": day}, {"y": 0, "f": datetime.datetime(2024, 5, 1, 7)}]
    with pytest.raises(BadRowsError, match="2 of 2 rows are bad"):  # Arrow would cut the hour off
        fit(schema_of(field), mixed)


def test_no_rows_and_rows_without_keys() -> None:
    assert rows_of(encode(fit(SCHEMA, iter([])), iter([])), 2) == []
    encoder = fit(SCHEMA, list(rows(10)))
    for data in ([{}, {}], iter([{}, {}])):
        assert rows_of(encode(encoder, data), 2) == [[[], []], [[], []]]


@pytest.mark.parametrize("make", [list, iter])
def test_a_column_that_never_occurs_is_one_error_while_fitting(make: Any) -> None:
    with pytest.raises(DataError, match=r'the rows: column "price" never occurs; did you mean "prices"\?'):
        fit(SCHEMA, make([{"y": 1, "f": "a", "prices": 1}, {"y": 0, "f": "b"}]))


def test_training_and_scoring_take_them() -> None:
    run = manyhot.train(
        SCHEMA,
        manyhot.LR(),
        train=rows(300),
        valid=list(rows(50)),
        training=manyhot.TrainingConfig(epochs=1, batch_size=50),
    )
    scorer = manyhot.Scorer(run.saved)
    np.testing.assert_array_equal(scorer.score(rows(20)), scorer.score(list(rows(20))))
