"""ExampleCache: a second run reuses what the first one made, unless anything that decides it has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from row_lists import assert_same_chunks, schema_of
from safetensors.numpy import save_file

from manyhot.data import ExampleCache, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Reading, Schema, Vocabulary

COLUMNS = {"city": ["a", "b", None, "a"], "age": [1.0, 5.0, 3.0, None], "y": [0, 1, 0, 1]}


def schema(
    vocabulary: Vocabulary | None = None, *, numeric: tuple[str, ...] = ("minmax",), combiner: str = "sum"
) -> Schema:
    return schema_of(Field("city", vocabulary or Vocabulary("v"), combiner=combiner), Field("age", numeric=numeric))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pq.write_table(pa.table(COLUMNS), tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def run(folder: Path, path: Path, schema: Schema, *, with_labels: bool = True) -> tuple[bool, bool]:
    """Whether the encoder and the Examples were there already."""
    store, source = ExampleCache(folder), open_source(path)
    encoder, fitted = store.fit(schema, source)
    examples, encoded = store.encode(encoder, source, with_labels=with_labels)
    expected = list(encoder.encode(source, with_labels=with_labels))
    assert_same_chunks(examples.chunks, expected)
    return fitted, encoded


def test_a_second_run_reuses_both(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "cache"
    assert run(folder, path, schema()) == (False, False)
    times = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert run(folder, path, schema()) == (True, True)
    assert {p: p.stat().st_mtime_ns for p in folder.iterdir()} == times
    assert sorted(p.suffix for p in times) == ["", ".arrow", ".safetensors"]
    assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"


def test_what_a_killed_training_left_goes_with_the_next_one(tmp_path: Path, path: Path) -> None:
    """Also of other rows, which nobody may encode ever again."""
    folder = tmp_path / "cache"
    program = """
import os, pathlib, sys
from manyhot.storage import whole_file
with whole_file(pathlib.Path(sys.argv[1])) as part:
    part.write_bytes(bytes(1000))
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, str(folder / "examples-of-others.arrow")], check=False)
    assert done.returncode == -9
    assert [p.suffix for p in folder.iterdir()] == [".tmp"]
    run(folder, path, schema())
    assert sorted(p.suffix for p in folder.iterdir()) == ["", ".arrow", ".safetensors"]


def test_a_reused_encoder_is_the_fitted_one(tmp_path: Path, path: Path) -> None:
    store, source = ExampleCache(tmp_path / "cache"), open_source(path)
    first, again = store.fit(schema(), source)[0], store.fit(schema(), source)[0]
    assert first is not again
    assert first.schema.to_dict(complete=True) == again.schema.to_dict(complete=True)
    assert first.fingerprint() == again.fingerprint()


def rewrite(path: Path) -> None:
    pq.write_table(pa.table({**COLUMNS, "city": ["c", "b", None, "a"]}), path)


def touch(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


@pytest.mark.parametrize("change", [rewrite, touch])
def test_a_changed_file_is_read_anew(tmp_path: Path, path: Path, change: Callable[[Path], None]) -> None:
    run(tmp_path / "cache", path, schema())
    change(path)
    assert run(tmp_path / "cache", path, schema()) == (False, False)


def test_another_file_with_the_same_rows_is_another_file(tmp_path: Path, path: Path) -> None:
    run(tmp_path / "cache", path, schema())
    other = path.rename(tmp_path / "other.parquet")
    assert run(tmp_path / "cache", other, schema()) == (False, False)


@pytest.mark.parametrize(
    "changed",
    [
        schema(Vocabulary("v", min_count=2)),
        schema(Vocabulary("v", max_size=1)),
        schema(Vocabulary("v", hash_buckets=9)),
        schema(Vocabulary("w")),
        schema(numeric=("standardize",)),
        schema_of(Field("age", numeric=("minmax",)), Field("city", Vocabulary("v"), combiner="sum")),
        schema_of(Field("city", Vocabulary("v"), combiner="sum", missing="oov"), Field("age", numeric=("minmax",))),
        schema_of(Field("city", Vocabulary("v"), combiner="sum")),
    ],
    ids=["min_count", "max_size", "hash_buckets", "vocabulary", "numeric", "order", "missing", "fewer fields"],
)
def test_a_changed_schema_is_encoded_anew(tmp_path: Path, path: Path, changed: Schema) -> None:
    run(tmp_path / "cache", path, schema())
    assert run(tmp_path / "cache", path, changed) == (False, False)
    assert run(tmp_path / "cache", path, schema()) == (True, True)


def test_rows_without_labels_are_kept_apart(tmp_path: Path, path: Path) -> None:
    run(tmp_path / "cache", path, schema())
    assert run(tmp_path / "cache", path, schema(), with_labels=False) == (True, False)
    assert run(tmp_path / "cache", path, schema(), with_labels=False) == (True, True)


def test_names_and_delimiter_are_part_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("a;x|0|1\nb|1|0\n")
    store, s = ExampleCache(tmp_path / "cache"), schema_of(Field("city"))
    for names in (("city", "y", "z"), ("city", "z", "y")):
        assert store.fit(s, open_source(path, reading=Reading(columns=names, delimiter="|")))[1] is False
    assert store.fit(s, open_source(path, reading=Reading(columns=("city", "y", "z"), delimiter="|")))[1] is True


def test_frames_and_no_folder_stay_in_memory(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "cache"
    for store, data in ((ExampleCache(folder), pa.table(COLUMNS)), (ExampleCache(None), path)):
        source = open_source(data)
        encoder, fitted = store.fit(schema(), source)
        examples, encoded = store.encode(encoder, source)
        assert (fitted, encoded, examples.num_rows) == (False, False, 4)
        store.clear()
    assert not folder.exists()


def test_clear_deletes_the_folder(tmp_path: Path, path: Path) -> None:
    run(tmp_path / "cache", path, schema())
    ExampleCache(tmp_path / "cache").clear()
    assert not (tmp_path / "cache").exists()


def test_bad_rows_leave_nothing_behind(tmp_path: Path, path: Path) -> None:
    store, source = ExampleCache(tmp_path / "cache"), open_source(path)
    encoder, _ = store.fit(schema(), source)
    before = sorted((tmp_path / "cache").iterdir())
    pq.write_table(pa.table({**COLUMNS, "y": [0, 1, 0, 2]}), path)
    for task in (lambda: store.fit(schema(), open_source(path)), lambda: store.encode(encoder, open_source(path))):
        with pytest.raises(BadRowsError):
            task()
        assert sorted((tmp_path / "cache").iterdir()) == before


@pytest.mark.parametrize("damage", ["empty", "text", "half", "foreign"])
@pytest.mark.parametrize("ending", [".arrow", ".safetensors"])
def test_a_damaged_file_of_the_cache_is_one_clear_error(tmp_path: Path, path: Path, ending: str, damage: str) -> None:
    run(tmp_path / "cache", path, schema())
    (damaged,) = (tmp_path / "cache").glob(f"*{ending}")
    raw = damaged.read_bytes()
    if damage == "foreign":
        save_file({"x": np.zeros(3)}, damaged)
    else:
        damaged.write_bytes({"empty": b"", "text": b"hello" * 99, "half": raw[: len(raw) // 2]}[damage])
    with pytest.raises(DataError) as caught:
        run(tmp_path / "cache", path, schema())
    assert str(damaged) in str(caught.value)
    assert "delete" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="cannot keep encoded rows here"):
            run(folder, path, schema())
