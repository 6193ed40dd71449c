"""When checkpoints are written, what they refuse to go on with, and what becomes of them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import clicks
import numpy as np
import pytest
import stops

import manyhot as mh
from manyhot.errors import ConfigError, LockedError, StorageError
from manyhot.storage import CheckpointFolder, RunLock
from manyhot.training import _keeper


def stopped(folder: Path, number: int = 7, **options: Any) -> Path:
    """The checkpoint of a training that was stopped."""
    assert stops.outcome(folder, stops.StopAt(number), **options)["stopped"]
    return sorted(folder.glob("step-*"))[-1]


def changed(**keys: Any) -> dict[str, Any]:
    return {**clicks.TRAIN, **keys}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 2}, "training.seed was 1, is 2"),
        ({"epochs": 5}, "training.epochs was 3, is 5"),
        ({"dense": mh.DenseOptimizer(learning_rate=0.5)}, "training.dense.learning_rate was 0.001, is 0.5"),
        ({"early_stopping": mh.EarlyStopping()}, "training.early_stopping was null, is {"),
        ({"model": mh.DeepFM(embedding_dim=8)}, "model.embedding_dim was 4, is 8"),
        ({"model": "fm"}, 'model.name was "deepfm", is "fm"'),
        (
            {"schema": mh.Schema(label="clicked", fields=clicks.SCHEMA.fields[:3])},
            "fields.age is gone",
        ),
        (
            {"schema": mh.Schema(label="clicked", fields=clicks.SCHEMA.fields[::-1])},
            "the order of fields is another",
        ),
        ({"data": clicks.frame(1, 301)}, "the number of rows of train was 300, is 301"),
        ({"data": changed(clicked=clicks.TRAIN["clicked"][::-1])}, "the fingerprint of train was "),
        ({"data": changed(city=["city9"] * 300)}, "the fingerprint of the encoder was "),
        ({"valid": clicks.frame(3, 150)}, "the fingerprint of valid was "),
    ],
)
def test_another_experiment_is_refused_and_what_differs_named(tmp_path, options, words):
    checkpoint = stopped(tmp_path)
    for resume in (None, True):
        with pytest.raises(ConfigError) as refused:
            stops.train(tmp_path, resume=resume, **options)
        assert words in str(refused.value) and str(checkpoint) in str(refused.value)
    assert checkpoint.is_dir()


def test_what_decides_nothing_may_change(tmp_path):
    whole = stops.train(None, model="lr")
    stopped(tmp_path, model="lr")
    run = stops.train(tmp_path, model="lr", threads=2, checkpoints=mh.Checkpoints(minutes=9, keep=1), resume=True)
    assert clicks.bits(run) == clicks.bits(whole)


def test_a_key_that_an_earlier_version_did_not_know_has_its_default(tmp_path):
    stopped(tmp_path)
    stored = CheckpointFolder(tmp_path).newest()
    assert stored is not None
    del stored.header["experiment"]["training"]["clip_norm"], stored.header["settled"]["training"]["clip_norm"]
    del stored.header["experiment"]["model"]["dropout"]
    CheckpointFolder(tmp_path).write(stored.step, stored.header, stored.arrays)
    with pytest.raises(ConfigError, match=r"model\.dropout was 0\.0, is 0\.2"):
        stops.train(tmp_path)
    stored.header["experiment"]["model"]["dropout"] = 0.2
    CheckpointFolder(tmp_path).write(stored.step, stored.header, stored.arrays)
    with pytest.raises(ConfigError, match=r"training\.clip_norm was null, is 1\.0"):
        stops.train(tmp_path, clip_norm=1.0)
    stops.train(tmp_path, resume=True)


def test_other_threads_are_told(tmp_path):
    told: list[str] = []
    stopped(tmp_path)
    stops.train(tmp_path, threads=2, told=told)
    assert any("the last digits may come out otherwise" in text and "threads was 1, is 2" in text for text in told)


def test_resume_true_needs_a_checkpoint_before_any_row_is_read(tmp_path):
    with pytest.raises(ConfigError, match="no checkpoint to resume from"):
        stops.train(tmp_path, resume=True, data="nowhere.parquet")
    with pytest.raises(ConfigError, match="nothing to resume from"):
        stops.train(None, resume=True)
    with pytest.raises(ConfigError, match="nothing to resume from"):
        stops.train(tmp_path, resume=True, checkpoints=mh.Checkpoints(enabled=False))


def test_resume_false_deletes_them_and_starts_anew(tmp_path):
    checkpoint, told = stopped(tmp_path), []
    run = stops.train(tmp_path, seed=2, resume=False, told=told)
    assert clicks.bits(run) == clicks.bits(stops.train(None, seed=2))
    assert not checkpoint.exists() and not any("goes on" in text for text in told)


def test_resume_false_deletes_nothing_where_rows_cannot_be_read(tmp_path):
    checkpoint = stopped(tmp_path)
    with pytest.raises(mh.DataError):
        stops.train(tmp_path, resume=False, data="nowhere.parquet")
    assert checkpoint.is_dir()


def test_a_damaged_checkpoint_is_told_and_the_one_before_taken(tmp_path):
    whole = stops.outcome(None)
    stops.outcome(tmp_path, stops.StopAt(5))
    stops.outcome(tmp_path, stops.StopAt(5))
    older, newest = sorted(tmp_path.glob("step-*"))
    arrays = newest / "arrays"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"?")
    told: list[str] = []
    last = stops.outcome(tmp_path, told=told)
    assert (last["bits"], last["state"]) == (whole["bits"], whole["state"])
    assert any(str(newest) in text and "damaged" in text for text in told)
    assert any(f": {older}" in text and "goes on" in text for text in told)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"who": "knows"}, "in format None"),
        ({"format": 2, "machine": {"manyhot": "9.9"}}, "was written by manyhot 9.9 in format 2"),
        ({"format": 1}, "its experiment is missing"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path, header, words):
    CheckpointFolder(tmp_path).write(3, header, {})
    with pytest.raises(ConfigError, match=words):
        stops.train(tmp_path)


@pytest.mark.parametrize("damage", ["gone", "shape", "type"])
def test_arrays_that_do_not_fit_are_refused(tmp_path, damage):
    stored = CheckpointFolder(tmp_path).newest() if stopped(tmp_path) else None
    assert stored is not None
    rows = stored.arrays.pop("learner.tables.rows")
    if damage != "gone":
        stored.arrays["learner.tables.rows"] = rows[:1] if damage == "shape" else rows.astype("float64")
    CheckpointFolder(tmp_path).write(stored.step, stored.header, stored.arrays)
    with pytest.raises(StorageError, match=r"tables\.rows|'rows'"):
        stops.train(tmp_path)


def test_they_stay_until_the_model_is_saved(tmp_path):
    folder = tmp_path / "checkpoints"
    run = stops.train(folder)
    assert sorted(folder.glob("step-*"))
    run.save(tmp_path / "model.manyhot")
    assert [path.name for path in tmp_path.iterdir()] == ["model.manyhot"]


def test_a_finished_training_that_was_not_saved_takes_no_step_again(tmp_path):
    whole = stops.outcome(tmp_path, checkpoints=mh.Checkpoints(minutes=100, epochs=3))
    stop = stops.StopAt()
    again = stops.outcome(tmp_path, stop, checkpoints=mh.Checkpoints(minutes=100, epochs=3))
    assert stop.looks <= 2
    assert again == whole | {"looks": []}


def test_one_training_at_a_time(tmp_path):
    with RunLock(tmp_path), pytest.raises(LockedError, match=f"{tmp_path}: is in use by process"):
        stops.train(tmp_path)


def test_a_checkpoint_that_cannot_be_written_is_told_and_training_goes_on(tmp_path):
    """Files of this process may not grow beyond a page: a real error, as from a full disk."""
    whole, told = stops.train(None), []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        run = stops.train(tmp_path, told=told)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert clicks.bits(run) == clicks.bits(whole)
    assert any("cannot write the checkpoint: File too large" in text for text in told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["learner.tables.rows", "learner.dense.bias"])
def test_no_number_that_is_not_finite_is_ever_written(tmp_path, where):
    keeper = _keeper.Keeper(CheckpointFolder(tmp_path), mh.Checkpoints(), dict, lambda text: None)

    class Broken:
        def state(self):
            return {}, {where.removeprefix("learner."): np.array([[1.0, np.nan]])}

    with pytest.raises(mh.TrainingError, match=f"after step 7 {where} holds NaN"):
        keeper.write_now(7, {"learner": Broken()})
    keeper.write(7, {"learner": Broken()})
    with pytest.raises(mh.TrainingError, match=f"after step 7 {where} holds NaN"):
        keeper.close()
    assert not list(tmp_path.iterdir())


def test_one_more_of_a_step_is_written_where_something_came_after_it(tmp_path):
    """As a look at valid: the step is the same, and more is known."""
    folder = CheckpointFolder(tmp_path)
    keeper = _keeper.Keeper(folder, mh.Checkpoints(), dict, lambda text: None)

    class Looks:
        number = 0

        def state(self):
            return {"looks": self.number}, {}

    looks = Looks()
    keeper.write(7, {"loop": looks})
    first = keeper.write_now(7, {"loop": looks})
    assert keeper.write_now(7, {"loop": looks}) == first
    looks.number = 1
    assert keeper.write_now(7, {"loop": looks}) != first
    stored = folder.newest(pytest.fail)
    assert stored is not None and stored.header["state"]["loop"] == {"looks": 1}
    again = _keeper.Keeper(folder, mh.Checkpoints(), dict, lambda text: None, stored)
    assert again.write_now(7, {"loop": looks}) == stored.path


def test_a_stop_waits_for_its_own_checkpoint_alone(tmp_path):
    """An earlier one that is being written is given up, and nothing of it is left."""
    folder = CheckpointFolder(tmp_path)
    keeper = _keeper.Keeper(folder, mh.Checkpoints(), dict, pytest.fail)

    class Rows:
        step, array = 0, np.zeros(1 << 16)

        def state(self):
            return {"step": self.step}, {"rows": self.array}

    rows = Rows()
    keeper.write_now(0, {"learner": rows})
    rows.array, rows.step = np.zeros(1 << 26), 1  # half a GB
    keeper.write(1, {"learner": rows})
    while not any(tmp_path.glob("*.tmp/arrays")):
        assert keeper.writing
    rows.array, rows.step = np.ones(1 << 16), 2
    keeper.write_now(2, {"learner": rows})
    keeper.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000000000", "step-000000000002"]
    stored = folder.newest(pytest.fail)
    assert stored is not None and stored.arrays["learner.rows"].all()


def test_without_room_for_a_copy_training_waits_for_the_disk(tmp_path, monkeypatch):
    whole, written = stops.train(None), []
    monkeypatch.setattr(_keeper, "available_bytes", lambda: 0)
    monkeypatch.setattr(_keeper.Room, "copied", lambda *_: pytest.fail("copied"))
    write = CheckpointFolder.write
    monkeypatch.setattr(CheckpointFolder, "write", lambda self, *what: written.append(what[0]) or write(self, *what))
    assert clicks.bits(stops.train(tmp_path)) == clicks.bits(whole)
    assert written


def test_a_limit_of_the_process_is_no_end_of_the_training(tmp_path):
    """Of memory that the machine has and the process may not take (ulimit -v)."""
    program = """
import pathlib, resource, sys
import numpy as np
import manyhot as mh
from manyhot.storage import CheckpointFolder
from manyhot.training import Keeper

class Rows:
    array = np.ones(1 << 25)

    def state(self):
        return {}, {"rows": self.array}

folder = CheckpointFolder(pathlib.Path(sys.argv[1]))
keeper = Keeper(folder, mh.Checkpoints(minutes=0), dict, sys.exit)
taken = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (taken + (200 << 20), -1))
while not keeper.due(None, Rows.array.nbytes):
    pass
keeper.write(1, {"learner": Rows()})
keeper.close()
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
stored = folder.newest(sys.exit)
print(stored.step, stored.arrays["learner.rows"].sum() == 1 << 25)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "1 True\n", done.stderr


def test_a_second_saving_leaves_the_checkpoints_of_others(tmp_path):
    run = stops.train(tmp_path / "checkpoints")
    run.save(tmp_path / "first")
    CheckpointFolder(tmp_path / "checkpoints").write(7, {}, {})
    run.save(tmp_path / "again")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000000000007"]


def test_training_waits_a_twentieth_of_its_time_at_most(tmp_path):
    """By the clock of the keeper itself: none is due before twenty times what the last one took has passed."""
    for waited, wrote, num_bytes, due in [
        (0, 0, 0, True),
        (1e6, 0, 0, False),
        (0, 1e6, 0, False),
        (None, 0, 1e15, False),
    ]:
        keeper = _keeper.Keeper(CheckpointFolder(tmp_path), mh.Checkpoints(minutes=0), dict, lambda text: None)
        keeper._waited, keeper.wrote = waited, wrote
        assert keeper.due(None, num_bytes) == keeper.due(1, num_bytes) == due
        keeper.close()


def test_memory_for_a_large_copy_is_made_ready_before_it_is_needed(tmp_path):
    keeper = _keeper.Keeper(CheckpointFolder(tmp_path), mh.Checkpoints(minutes=0, epochs=0), dict, lambda text: None)
    keeper._waited = 0.0
    assert not keeper.due(None, 1 << 26)
    keeper.finish_writing()
    assert keeper.due(None, 1 << 26) and keeper._room.num_bytes == 1 << 26
    rows = np.arange(3 << 20, dtype=np.float32).reshape(-1, 3)
    fixed, small = np.ones(1 << 20), np.arange(3)
    fixed.flags.writeable = False
    copies = keeper._room.copied({"rows": rows[:, :2], "more": rows, "fixed": fixed, "small": small})
    assert copies["fixed"] is fixed and keeper._room.num_bytes == 1 << 26
    before = rows.copy()
    rows[:], small[:] = 0, 0
    assert np.array_equal(copies["rows"], before[:, :2]) and np.array_equal(copies["more"], before)
    assert copies["small"].tolist() == [0, 1, 2]
    again = keeper._room.copied({"rows": rows[:, :2], "more": rows})
    assert np.shares_memory(again["more"], copies["more"]) and not again["more"].any()  # kept for the next one
    keeper.close()


@pytest.mark.parametrize(("epochs", "due"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (0, [])])
def test_due_at_the_ends_of_epochs(tmp_path, epochs, due):
    config = mh.Checkpoints(minutes=100, epochs=epochs)
    keeper = _keeper.Keeper(CheckpointFolder(tmp_path), config, dict, lambda text: None)
    assert [epoch for epoch in range(1, 5) if keeper._is_time(epoch, 0)] == due
    assert not keeper.due(None, 0)
    keeper.close()


@pytest.mark.parametrize(
    ("key", "value"), [("minutes", -1), ("minutes", float("nan")), ("epochs", -1), ("keep", 0), ("keep", "two")]
)
def test_wrong_settings(key, value):
    with pytest.raises(ConfigError, match=key):
        mh.Checkpoints(**{key: value})
