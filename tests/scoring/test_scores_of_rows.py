"""The same rows score the same, whatever they come in and however they are cut."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import manyhot as mh
import manyhot.data
from manyhot.errors import BadRowsError, DataError
from manyhot.training import Run

NUM_ROWS = 600


def make_rows(seed: int) -> pa.Table:
    """Columns that CSV can hold too: text, whole numbers, numbers."""
    random = np.random.default_rng(seed)
    bags = [[f"app:{i}" for i in random.zipf(1.4, n) % 50] for n in random.integers(0, 4, NUM_ROWS)]
    texts = [",".join(f"{token}:{random.random():.3f}" for token in bag) for bag in bags]
    return pa.table(
        {
            "apps": pa.array([text or None for text in texts]),
            "gone": pa.array(["|".join(bag[:2]) or None for bag in bags]),
            "city": pa.array([f'city "{i}", east' if i else None for i in random.integers(0, 9, NUM_ROWS)]),
            "hour": pa.array(random.integers(0, 24, NUM_ROWS)),
            "price": pa.array([round(p, 4) if p > 0.1 else None for p in random.random(NUM_ROWS).tolist()]),
            "clicked": pa.array(random.integers(0, 2, NUM_ROWS)),
        }
    )


@pytest.fixture(scope="module")
def run() -> Run:
    app = mh.Vocabulary("app", min_count=2)
    schema = mh.Schema(
        label="clicked",
        fields=[
            mh.Field("apps", app, separators=mh.Separators(weight=":")),
            mh.Field("gone", app, separators=mh.Separators(pair="|"), combiner="mean"),
            mh.Field("city"),
            mh.Field("hour"),
            mh.Field("price", numeric=["log1p", "standardize"]),
        ],
    )
    model = mh.DeepFM(embedding_dim=4, hidden_units=[16, 8], dropout=0.5, batch_norm=True, embedding_scale=0.3)
    return mh.train(schema, model, train=make_rows(0), training=mh.TrainingConfig(epochs=2, batch_size=50))


@pytest.fixture(scope="module")
def scorer(run: Run, tmp_path_factory: pytest.TempPathFactory) -> mh.Scorer:
    path = tmp_path_factory.mktemp("model") / "ctr.manyhot"
    run.save(path)
    return mh.load(path)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Other rows than those of the training; some of their tokens are new."""
    return make_rows(1)


@pytest.fixture(scope="module")
def expected(run: Run, rows: pa.Table) -> np.ndarray:
    probabilities = run.saved.probabilities(mh.data.open_source(rows))
    assert len(np.unique(probabilities)) > NUM_ROWS / 2
    assert ((probabilities > 0) & (probabilities < 1)).all()
    return probabilities


def in_every_form(rows: pa.Table, folder: Path) -> dict[str, Any]:
    pq.write_table(rows, folder / "rows.parquet")
    feather.write_feather(rows, folder / "rows.arrow", compression="uncompressed")
    for name, delimiter in (("rows.csv", ","), ("rows.tsv", "\t")):
        with (folder / name).open("w", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(rows.column_names)
            writer.writerows([row.values() for row in rows.to_pylist()])
    frame = rows.to_pandas()
    frame.to_csv(folder / "rows.csv.gz", index=False)
    return {
        **{ending: folder / f"rows.{ending}" for ending in ("parquet", "arrow", "csv", "tsv", "csv.gz")},
        "path as text": str(folder / "rows.parquet"),
        "pandas": frame,
        "pandas, pyarrow types": rows.to_pandas(types_mapper=pd.ArrowDtype),
        "dict": rows.to_pydict(),
        "dict of arrays": {name: rows[name].combine_chunks() for name in rows.column_names},
        "record batch": pa.record_batch({name: rows[name].combine_chunks() for name in rows.column_names}),
        "table": rows,
    }


FORMS = ["parquet", "arrow", "csv", "tsv", "csv.gz", "path as text", "pandas", "pandas, pyarrow types", "dict"]
FORMS += ["dict of arrays", "record batch", "table"]


@pytest.mark.parametrize("form", FORMS)
def test_the_format_changes_no_bit(
    scorer: mh.Scorer, rows: pa.Table, expected: np.ndarray, tmp_path: Path, form: str
) -> None:
    np.testing.assert_array_equal(scorer.score(in_every_form(rows, tmp_path)[form]), expected, strict=True)


def test_the_order_of_columns_and_more_of_them_change_no_bit(
    scorer: mh.Scorer, rows: pa.Table, expected: np.ndarray, tmp_path: Path
) -> None:
    turned = rows.select(rows.column_names[::-1]).append_column("more", pa.array([{"a": 1}] * NUM_ROWS))
    unlabelled = rows.drop_columns(["clicked"])
    broken_label = unlabelled.append_column("clicked", pa.array(["?"] * NUM_ROWS))
    for table in (turned, unlabelled, broken_label):
        np.testing.assert_array_equal(scorer.score(table), expected)
        np.testing.assert_array_equal(scorer.score(table.to_pandas()), expected)
    for form in ("parquet", "csv", "arrow"):
        shuffled = in_every_form(rows.select(["price", "city", "gone", "hour", "apps"]), tmp_path)[form]
        np.testing.assert_array_equal(scorer.score(shuffled), expected)


@pytest.mark.parametrize("size", [1, 7, 100, 599])
def test_rows_score_alike_alone_and_in_batches(
    scorer: mh.Scorer, rows: pa.Table, expected: np.ndarray, size: int
) -> None:
    parts = [scorer.score(rows.slice(at, size)) for at in range(0, min(NUM_ROWS, 60 * size), size)]
    found = np.concatenate(parts)
    np.testing.assert_allclose(found, expected[: len(found)], rtol=0, atol=1e-6)
    pieces = pa.concat_tables([rows.slice(at, size) for at in range(0, NUM_ROWS, size)])
    np.testing.assert_allclose(scorer.score(pieces), expected, rtol=0, atol=1e-6)


def test_several_files_are_scored_in_order(
    scorer: mh.Scorer, rows: pa.Table, expected: np.ndarray, tmp_path: Path
) -> None:
    for i, at in enumerate(range(0, NUM_ROWS, 200)):
        pq.write_table(rows.slice(at, 200), tmp_path / f"{i}.parquet", row_group_size=64)
    for data in (tmp_path / "*.parquet", tmp_path, [tmp_path / f"{i}.parquet" for i in range(3)]):
        np.testing.assert_allclose(scorer.score(data), expected, rtol=0, atol=1e-6)
    backwards = scorer.score([tmp_path / "2.parquet", tmp_path / "0.parquet"])
    np.testing.assert_allclose(backwards, np.concatenate([expected[400:], expected[:200]]), rtol=0, atol=1e-6)


def test_the_reference_kernels_score_alike(run: Run, rows: pa.Table, expected: np.ndarray, tmp_path: Path) -> None:
    run.save(tmp_path / "m")
    np.testing.assert_allclose(mh.load(tmp_path / "m", kernels="reference").score(rows), expected, rtol=0, atol=1e-6)


def one(**values: Any) -> dict[str, list[Any]]:
    row = {"apps": "app:1:0.5", "gone": None, "city": 'city "1", east', "hour": 3, "price": 0.5, **values}
    return {name: [value] for name, value in row.items()}


def test_new_tokens_all_score_as_oov(scorer: mh.Scorer) -> None:
    first, second = scorer.score(one(city="atlantis")), scorer.score(one(city="漢字", hour=3))
    assert first == second != scorer.score(one())
    assert scorer.score(one(hour=99)) == scorer.score(one(hour=-1)) != scorer.score(one(hour=None))
    assert scorer.score(one(apps="new:0.5,newer:0.25")) == scorer.score(one(apps="newer:0.5,new:0.25"))


def test_empty_bags_are_no_oov(scorer: mh.Scorer) -> None:
    assert scorer.score(one(apps="")) == scorer.score(one(apps=None)) == scorer.score(one(apps="app:1:0"))
    assert scorer.score(one(apps="")) != scorer.score(one(apps="new:1"))


def test_no_rows_give_no_scores(scorer: mh.Scorer, rows: pa.Table, tmp_path: Path) -> None:
    empty = rows.slice(0, 0)
    for data in (*in_every_form(empty, tmp_path).values(), {name: [] for name in rows.column_names}):
        found = scorer.score(data)
        assert (found.shape, found.dtype) == ((0,), np.float32)
        assert [array.shape for array in scorer.evaluate(data)[:2]] == [(0,), (0,)]


def test_labels_are_read_where_they_are_asked_for(scorer: mh.Scorer, rows: pa.Table, expected: np.ndarray) -> None:
    labels, logits, *_ = scorer.evaluate(rows)
    assert labels.tolist() == rows["clicked"].to_pylist()
    np.testing.assert_allclose(1 / (1 + np.exp(-logits.astype(np.float64))), expected, rtol=0, atol=1e-7)
    with pytest.raises(DataError, match='column "clicked" is missing'):
        scorer.evaluate(rows.drop_columns(["clicked"]))


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_column_is_named(scorer: mh.Scorer, rows: pa.Table, tmp_path: Path, form: str) -> None:
    renamed = rows.rename_columns(["apps", "gone", "citi", "hour", "price", "clicked"])
    with pytest.raises(DataError, match=r'column "city" is missing; did you mean "citi"\?'):
        scorer.score(in_every_form(renamed, tmp_path)[form])


def test_bad_rows_and_missing_files_are_named(scorer: mh.Scorer) -> None:
    with pytest.raises(BadRowsError, match='row 1: column "apps" holds a pair without a weight'):
        scorer.score(one(apps="app"))
    with pytest.raises(DataError, match="there is no such file"):
        scorer.score("rows.parquet.nowhere")


def test_headerless_files_are_read_as_in_training(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("1|a|3\n0|b|4\n1|a|\n")
    reading = mh.Reading(columns=["y", "city", "n"], delimiter="|")
    schema = mh.Schema(label="y", fields=[mh.Field("city"), mh.Field("n", numeric=[])])
    source = mh.data.open_source(tmp_path / "rows.txt", reading=reading)
    run = mh.train(schema, mh.LR(), train=source, training=mh.TrainingConfig(epochs=1), reading=reading)
    run.save(tmp_path / "m")
    expected = mh.load(tmp_path / "m").score({"city": ["a", "b", "a"], "n": [3, 4, None]})
    np.testing.assert_array_equal(mh.load(tmp_path / "m").score(tmp_path / "rows.txt"), expected)
