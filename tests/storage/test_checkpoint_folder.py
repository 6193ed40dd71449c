"""Checkpoints come back as they were written; which stay, which go."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhot.errors import LockedError
from manyhot.storage import CheckpointFolder, RunLock

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "table/../x \N{SNOWMAN}": np.arange(12, dtype=np.float32).reshape(3, 4),
    "turned": np.arange(12, dtype=np.float64).reshape(3, 4).T,
    "every other, backwards": np.arange(100, dtype=np.int64)[::-2],
    "big-endian": np.arange(5, dtype=">u2"),
    "half": np.array([1.5, np.nan, -np.inf], np.float16),
    "one number": np.array(7, np.uint8),
    "none": np.zeros((0, 3), np.int32),
    "larger than a piece": np.arange(700_000, dtype=np.float32).reshape(700, 1000).T,
    "the same row thrice": np.broadcast_to(np.arange(4, dtype=np.int16), (3, 4)),
}
HEADER = {"epoch": 3, "loss": 0.1, "texts": ["\N{SNOWMAN}", ""], "none": None, "flag": True, "below": {"empty": {}}}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def steps(folder: Path) -> list[int]:
    return [int(name.split("-")[1]) for name in names(folder)]


def test_everything_comes_back(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path / "a" / "b")
    path = checkpoints.write(1234, HEADER, ARRAYS)
    assert path == tmp_path / "a" / "b" / "step-000000001234"
    assert names(path) == ["arrays", "manifest.json"]
    stored = checkpoints.newest(pytest.fail)
    assert stored is not None
    assert (stored.path, stored.step, stored.header) == (path, 1234, HEADER)
    assert list(stored.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert stored.arrays[name].dtype == array.dtype.newbyteorder("="), name
        np.testing.assert_array_equal(stored.arrays[name], array, err_msg=name)
        assert stored.arrays[name].flags.writeable


def test_arrays_that_are_synced_while_they_are_written_come_back(tmp_path: Path) -> None:
    arrays = {"large": np.arange(9_000_001), "small": np.arange(3), "large again": np.arange(9_000_001)[::-1]}
    CheckpointFolder(tmp_path).write(1, {}, arrays)
    stored = CheckpointFolder(tmp_path).newest(pytest.fail)
    assert stored is not None
    for name, array in arrays.items():
        assert np.array_equal(stored.arrays[name], array), name


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path).newest(pytest.fail) is None
    assert CheckpointFolder(tmp_path / "absent").newest(pytest.fail) is None
    assert not (tmp_path / "absent").exists()


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (CheckpointFolder(tmp_path / name).write(5, HEADER, ARRAYS) for name in ("one", "other"))
    for name in names(one):
        assert (one / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 5, 9])
def test_the_last_ones_stay(tmp_path: Path, keep: int) -> None:
    checkpoints = CheckpointFolder(tmp_path, keep=keep)
    written = []
    for step in (1, 5, 10, 100, 1_000_000):
        checkpoints.write(step, {}, {})
        written.append(step)
        assert steps(tmp_path) == written[-keep:]


def test_a_step_written_twice_never_is_absent(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path)
    for times in range(12):
        checkpoints.write(7, {"times": times}, {})
        stored = checkpoints.newest(pytest.fail)
        assert stored is not None
        assert (stored.step, stored.header) == (7, {"times": times})
    assert names(tmp_path) == ["step-000000000007-11", "step-000000000007-12"]
    checkpoints.write(8, {}, {})
    assert names(tmp_path) == ["step-000000000007-12", "step-000000000008"]


def test_later_ones_of_a_course_given_up_go(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        CheckpointFolder(tmp_path, keep=3).write(step, {}, {})
    CheckpointFolder(tmp_path).write(15, {}, {})
    assert steps(tmp_path) == [10, 15]


def test_a_damaged_one_is_none_of_those_that_stay(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path)
    for step in (10, 20):
        checkpoints.write(step, {}, {})
    (tmp_path / "step-000000000020" / "arrays").write_text("damaged")
    told: list[str] = []
    stored = checkpoints.newest(told.append)
    assert stored is not None
    assert (stored.step, len(told)) == (10, 1)
    checkpoints.write(30, {}, {})
    assert steps(tmp_path) == [10, 30]


def test_rests_of_the_dead_go_and_other_files_stay(tmp_path: Path) -> None:
    rest = tmp_path / "step-000000000001.0123456789abcdef.tmp"
    rest.mkdir()
    (rest / "arrays").write_text("half")
    (rest / "of a later version").mkdir()
    (tmp_path / "notes.tmp").write_text("mine")
    (tmp_path / "step-1").mkdir()
    CheckpointFolder(tmp_path).write(5, {}, {})
    assert names(tmp_path) == ["notes.tmp", "step-000000000005", "step-1"]


def test_rests_of_the_living_stay(tmp_path: Path) -> None:
    """While one writes, another may read, and may neither write nor delete."""
    during: list[Any] = []

    def look(point: str) -> None:
        other = CheckpointFolder(tmp_path)
        stored = other.newest(pytest.fail)
        during.append(stored and stored.step)
        for refused in (lambda: other.write(9, {}, {}), other.clear):
            with pytest.raises(LockedError, match="is in use by process"):
                refused()

    CheckpointFolder(tmp_path).write(1, {}, {})
    CheckpointFolder(tmp_path, on_point=look).write(2, {}, ARRAYS)
    assert set(during) == {1, 2}
    assert steps(tmp_path) == [1, 2]


def test_who_reads_while_another_writes_and_deletes_finds_a_newest_one(tmp_path: Path) -> None:
    checkpoints = CheckpointFolder(tmp_path, keep=1)
    checkpoints.write(0, {}, {})
    writer = threading.Thread(target=lambda: [checkpoints.write(step, {}, ARRAYS) for step in range(1, 100)])
    writer.start()
    found = [0]
    while writer.is_alive():
        stored = CheckpointFolder(tmp_path).newest(pytest.fail)
        assert stored is not None
        found.append(stored.step)
    assert found == sorted(found)
    assert len(set(found)) > 3


def test_clear_deletes_all_and_nothing_else(tmp_path: Path) -> None:
    CheckpointFolder(tmp_path / "absent").clear()
    assert not (tmp_path / "absent").exists()
    checkpoints = CheckpointFolder(tmp_path)
    for step in (1, 2):
        checkpoints.write(step, {}, ARRAYS)
    (tmp_path / "step-000000000003.0123456789abcdef.tmp").mkdir()
    (tmp_path / "notes").write_text("mine")
    checkpoints.clear()
    assert names(tmp_path) == ["notes"]


def test_a_thread_may_write_under_the_lock_of_the_run(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        thread = threading.Thread(target=CheckpointFolder(tmp_path / "checkpoints").write, args=(1, HEADER, ARRAYS))
        thread.start()
        thread.join()
        assert steps(tmp_path / "checkpoints") == [1]
    assert names(tmp_path) == ["checkpoints"]


@pytest.mark.parametrize("header", [{"loss": float("nan")}, {"state": 2**64}, {1: "a"}, {"pair": (1, 2)}])
def test_a_header_that_would_not_come_back_is_not_written(tmp_path: Path, header: Any) -> None:
    with pytest.raises(ValueError):
        CheckpointFolder(tmp_path / "a").write(1, header, ARRAYS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("array", [np.array([True]), np.array(["a"]), np.array([None]), np.array([1j])])
def test_an_array_of_another_type_is_not_written(tmp_path: Path, array: Any) -> None:
    with pytest.raises(TypeError, match="the array odd is of"):
        CheckpointFolder(tmp_path / "a").write(1, {}, {"odd": array})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", ["C", "F"])
def test_no_second_copy_in_memory(tmp_path: Path, order: Any) -> None:
    table = np.ones((4_000_000, 4), np.float32, order=order)
    tracemalloc.start()
    try:
        CheckpointFolder(tmp_path).write(1, {}, {"table": table, "half": table[::2]})
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 8 * 2**20, f"writing 96 MiB took {peak:,} bytes"
        tracemalloc.reset_peak()
        stored = CheckpointFolder(tmp_path).newest(pytest.fail)
        _, peak = tracemalloc.get_traced_memory()
        assert peak < (96 + 8) * 2**20, f"reading 96 MiB took {peak:,} bytes"
    finally:
        tracemalloc.stop()
    assert stored is not None
    np.testing.assert_array_equal(stored.arrays["half"], table[::2])
