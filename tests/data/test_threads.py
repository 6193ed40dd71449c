"""The number of threads changes nothing: not an id, a weight, a fitted number, nor which error comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from row_lists import assert_same_chunks, fit, in_pieces, schema_of

from manyhot.data import Encoder, SourceBatch, open_source
from manyhot.data._bags import from_text
from manyhot.data._in_order import available_threads, in_order
from manyhot.data._vocabularies import VocabularyCounter
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Separators, Vocabulary

APP = Vocabulary("app", min_count=2, max_size=200)
SCHEMA = schema_of(
    Field("apps", APP, separators=Separators(weight=":")),
    Field("last", APP, missing="oov"),
    Field("hashed", Vocabulary("h", hash_buckets=50)),
    Field("price", numeric=["standardize"]),
    Field("age", numeric=["quantile_bucket(9)"], missing="oov"),
    Field("hour", columns=["hour", "day"]),
    Field("size", numeric=["log2_bucket"]),
)


def table_of(rows: int) -> pa.Table:
    rng = np.random.default_rng(5)
    app = [f"app{int(n)}" for n in np.exp(rng.random(rows) * 7)]
    return pa.table(
        {
            "apps": [",".join(f"{a}:{w:.2f}" for a in app[i : i + i % 4]) for i, w in enumerate(rng.random(rows))],
            "last": pa.array(app, mask=rng.random(rows) < 0.2),
            "hashed": app,
            "price": rng.normal(3, 5, rows),
            "age": pa.array(rng.integers(0, 90, rows), mask=rng.random(rows) < 0.1),
            "day": rng.integers(0, 7, rows).astype(str),
            "hour": rng.integers(0, 24, rows),
            "size": np.exp(rng.normal(3, 2, rows)),
            "y": rng.integers(0, 2, rows),
        }
    )


def test_any_number_of_threads_gives_the_same_bits() -> None:
    source = open_source(in_pieces(table_of(4000), range(0, 4000, 171)))
    one = Encoder.fit(SCHEMA, source, num_threads=1)
    chunks = list(one.encode(source, with_labels=True, num_threads=1))
    assert len(chunks) > 20
    for threads in (2, 3, 8):
        many = Encoder.fit(SCHEMA, source, num_threads=threads)
        assert many.fingerprint() == one.fingerprint()
        assert_same_chunks(list(many.encode(source, with_labels=True, num_threads=threads)), chunks)
    assert Encoder.fit(SCHEMA, source).fingerprint() == one.fingerprint()


def test_several_threads_may_count_into_one_vocabulary() -> None:
    words = [f"token{i}" for i in range(20_000)]
    tokens = from_text(pa.array(words, pa.large_string()))
    counter = VocabularyCounter(Vocabulary("v", min_count=40), num_columns=1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: counter.count(tokens), range(40)))
    assert counter.finish().size == 1 + len(words)


def test_bad_rows_are_told_in_the_order_of_files_and_rows(tmp_path: Path) -> None:
    """Also where the second file's short lines are met before the rows of the first are judged."""
    (tmp_path / "a.csv").write_text("y,f\n1,a\n2,a\n")
    (tmp_path / "b.csv").write_text("y,f\n1\n2,a\n1\n")
    source, told = open_source([tmp_path / "a.csv", tmp_path / "b.csv"]), []
    for threads in (1, 2, 4):
        with pytest.raises(BadRowsError) as caught:
            Encoder.fit(schema_of(Field("f")), source, num_threads=threads)
        told.append(str(caught.value))
    assert told[0] == told[1] == told[2]
    places = [line.strip().split(": ")[0].removeprefix(f"{tmp_path}/") for line in told[0].splitlines()[1:]]
    assert places == ["a.csv:3", "b.csv:2", "b.csv:3", "b.csv:4"]


class Broken:
    """Batches of which one has a wrong type, and then an end in the middle of the file."""

    name = "broken"

    def batches(self, columns: object, rejects: object) -> Iterator[SourceBatch]:
        for value in ("a", 1.5, "b"):
            yield SourceBatch(pa.record_batch({"f": [value], "y": [1]}), "broken")
        raise DataError("the file ends too early")

    def fingerprint(self) -> None:
        return None


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_first_error_of_the_rows_comes_first(threads: int) -> None:
    with pytest.raises(DataError, match="gives no tokens"):
        Encoder.fit(schema_of(Field("f")), Broken(), num_threads=threads)
    encoder = fit(schema_of(Field("f")), {"f": ["a"], "y": [1]})
    chunks = encoder.encode(Broken(), with_labels=False, num_threads=threads)
    assert next(chunks).ids.tolist() == [1]
    with pytest.raises(DataError, match="gives no tokens"):
        next(chunks)


def test_results_keep_their_order_and_few_items_are_under_way() -> None:
    drawn, done = [], []

    def draw() -> Iterator[int]:
        for i in range(40):
            drawn.append(i)
            yield i

    def work(i: int) -> int:
        time.sleep(0.002 if i % 3 else 0.006)
        return i * i

    for result in in_order(work, draw(), 3):
        done.append(result)
        assert len(drawn) - len(done) <= 4
    assert done == [i * i for i in range(40)]


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_of_drawing_come_after_the_results_before_them(threads: int) -> None:
    def draw() -> Iterator[int]:
        yield from range(5)
        raise KeyError("end")

    results = in_order(lambda i: i, draw(), threads)
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(KeyError, match="end"):
        next(results)


def test_threads_end_where_the_results_are_left() -> None:
    before = threading.active_count()
    results = in_order(lambda i: i, iter(range(100)), 4)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
    assert list(in_order(lambda _: threading.current_thread(), [1], 4)) == [threading.current_thread()]
    assert available_threads() >= 1
