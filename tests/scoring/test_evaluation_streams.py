"""Evaluation of rows that pass by: many batches give what one gives, and no raw row stays."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import manyhot as mh
from manyhot.data import Rejects, SliceReader, SourceBatch, as_source
from manyhot.metrics import evaluate_logits, evaluate_slices

SIZE, NUM_BATCHES = 50, 12


def make_rows(seed: int, num_rows: int = SIZE * NUM_BATCHES) -> pa.Table:
    rng = np.random.default_rng(seed)
    tags = [[f"tag{t}" for t in rng.integers(0, 6, n)] for n in rng.integers(0, 4, num_rows)]  # may repeat
    return pa.table(
        {
            "city": pa.array([f"city{i}" if i else None for i in rng.integers(0, 9, num_rows)]),
            "tags": pa.array(tags, pa.list_(pa.string())),
            "age": rng.integers(15, 70, num_rows),
            "hashed": [f"x{i}" for i in rng.integers(0, 30, num_rows)],
            "given": rng.integers(0, 4, num_rows),
            "user": [f"u{i}" for i in rng.integers(0, 20, num_rows)],
            "weight": rng.choice([0.0, 1.0, 2.5], num_rows),
            "y": rng.integers(0, 2, num_rows),
        }
    )


@pytest.fixture(scope="module")
def run() -> mh.Run:
    fields = (
        mh.Field("city", mh.Vocabulary("city", max_size=5)),
        mh.Field("tags"),
        mh.Field("age", numeric=("bucket(30, 50)",)),
        mh.Field("hashed", mh.Vocabulary("hashed", hash_buckets=7)),
        mh.Field("given", mh.Vocabulary("given", identity=3)),
        mh.Field("number", column="age", numeric=("log1p",)),
    )
    schema = mh.Schema(label="y", fields=fields, group="user", example_weights="weight")
    training = mh.TrainingConfig(epochs=3, batch_size=64, threads=1, calibration="platt")
    parts = {"train": make_rows(0), "valid": make_rows(1, 200)}
    return mh.train(schema, mh.FM(embedding_dim=4), training=training, listener=lambda report: None, **parts)


class Passing:
    """A Source of small batches that remembers which of them are still held by somebody."""

    name = "passing rows"

    def __init__(self, rows: pa.Table) -> None:
        self.rows, self.most_alive = rows, 0
        self._given: list[weakref.ref[SourceBatch]] = []

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        for at in range(0, self.rows.num_rows, SIZE):
            (batch,) = self.rows.slice(at, SIZE).select(list(columns)).combine_chunks().to_batches()
            passing = SourceBatch(batch, self.name, at)
            self._given.append(weakref.ref(passing))
            self.most_alive = max(self.most_alive, sum(given() is not None for given in self._given))
            yield passing

    def columns(self) -> list[str]:
        return self.rows.column_names

    def fingerprint(self) -> None:
        return None


def test_rows_pass_by_and_are_forgotten(run: mh.Run) -> None:
    source, left = Passing(make_rows(2, SIZE * 60)), []
    found = run.saved.labelled_logits(source, lambda chunk: left.append(source.most_alive))
    assert len(found.labels) == SIZE * 60 and len(left) == 60
    assert source.most_alive < 20  # those that threads work on
    whole = run.saved.labelled_logits(mh.data.open_source(source.rows))
    for ours, theirs in zip(found, whole, strict=True):
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), rtol=0, atol=1e-5)


def test_many_files_and_a_generator_give_what_one_table_gives(run: mh.Run, tmp_path: Path) -> None:
    rows = make_rows(3)
    run.save(tmp_path / "m")
    scorer = mh.load(tmp_path / "m")
    for number in range(NUM_BATCHES):
        pq.write_table(rows.slice(number * SIZE, SIZE), tmp_path / f"{number:02}.parquet", row_group_size=17)
    expected, whole = scorer.evaluate_by(rows, "tags")
    for data in (tmp_path / "*.parquet", (row for row in rows.to_pylist())):
        found, slices = scorer.evaluate_by(data, "tags")
        assert evaluate_logits(*found) == pytest.approx(evaluate_logits(*expected), abs=1e-6)
        for ours, theirs in zip(slices.slices, whole.slices, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def names_by_hand(row: dict[str, object], field: str, cities: set[str]) -> set[str]:
    value = row[field]
    if field == "tags":
        return set(value) or {"(empty)"}
    if field == "city":
        return {"(empty)" if value is None else value if value in cities else "(OOV)"}
    if field == "age":
        return {str(sum(bound <= value for bound in (30, 50)))}
    return {str(value) if value < 3 else "(OOV)"}


@pytest.mark.parametrize("field", ["city", "tags", "age", "given"])
def test_slices_are_the_tokens_of_the_rows(run: mh.Run, field: str) -> None:
    rows, reader = make_rows(4), SliceReader(run.saved.encoder, field)
    run.saved.labelled_logits(Passing(rows), reader.add)
    held: list[set[str]] = [set() for _ in range(rows.num_rows)]
    for row, code in zip(*(part.tolist() for part in reader.slices), strict=True):
        name = reader.name(code)
        assert name not in held[row]
        held[row].add(name)
    cities = {reader.name(code) for code in range(1, 6)} if field == "city" else set()
    assert held == [names_by_hand(row, field, cities) for row in rows.to_pylist()]
    assert len(set().union(*held)) > 2


def test_hashed_tokens_are_buckets(run: mh.Run, tmp_path: Path) -> None:
    run.save(tmp_path / "m")
    rows, reader = mh.load(tmp_path / "m").evaluate_by(make_rows(5), "hashed")
    lines = evaluate_slices(*rows[:3], *reader.slices, 20)
    assert {reader.name(line.code) for line in lines} == {f"(bucket {i})" for i in range(7)}
    assert sum(line.rows for line in lines) == (rows.example_weights > 0).sum()


def test_unknown_tokens_of_a_column_bear_its_name() -> None:
    both = mh.Vocabulary("both", min_count=2, oov="column")
    schema = mh.Schema(label="y", fields=(mh.Field("z", both), mh.Field("a", both)))
    rows = {"y": [0, 1] * 4, "z": ["known"] * 6 + ["rare", "new"], "a": ["known"] * 8}
    encoder = mh.train(schema, mh.LR(), train=rows, training=mh.TrainingConfig(threads=1)).saved.encoder
    reader = SliceReader(encoder, "z")
    for chunk in encoder.encode(as_source(rows), with_labels=True):
        reader.add(chunk)
    assert [reader.name(code) for code in reader.slices.codes] == ["known"] * 6 + ["(OOV of z)"] * 2


@pytest.mark.parametrize(("field", "words"), [("citi", 'no field "citi"; did you mean "city"'), ("number", "numbers")])
def test_what_has_no_tokens_is_refused(run: mh.Run, tmp_path: Path, field: str, words: str) -> None:
    run.save(tmp_path / "m")
    with pytest.raises(mh.ConfigError, match=words):
        mh.load(tmp_path / "m").evaluate_by(make_rows(5), field)
