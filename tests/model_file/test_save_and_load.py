"""A model read from its file is the model that was saved, to the last bit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file

from manyhot.data import open_source
from manyhot.errors import ModelFileError
from manyhot.model_file import load_model, read_header, save_model
from manyhot.schema import FM, LR, Field, Schema, TrainingConfig, WideDeep
from manyhot.training import Run, train


def test_probabilities_keep_their_bits(run: Run, rows: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "ctr.manyhot"
    run.save(path)
    again = load_model(path)
    before, after = (saved.probabilities(open_source(rows)) for saved in (run.saved, again))
    assert before.dtype == np.float32
    assert len(np.unique(before)) > 100
    np.testing.assert_array_equal(before, after, strict=True)
    reference = load_model(path, kernels="reference").probabilities(open_source(rows))
    np.testing.assert_allclose(reference, before, atol=1e-6)


def test_everything_else_is_kept_too(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "ctr.manyhot"
    run.save(path)
    again = load_model(path)
    assert again.encoder.schema == Schema.from_dict(run.saved.encoder.schema.to_dict(complete=True))
    assert again.encoder.fingerprint() == run.saved.encoder.fingerprint()
    assert msgspec.structs.asdict(again.config) == msgspec.structs.asdict(run.saved.config)
    assert again.summary == read_header(path)["summary"]
    assert again.summary["training"]["epochs"] == 2
    assert again.proof_rows.equals(run.saved.proof_rows)
    for name in again.network.tables.layout.ranges:
        for kind in ("latent", "linear"):
            tables = (getattr(saved.network.tables, kind)(name) for saved in (run.saved, again))
            np.testing.assert_array_equal(*tables, strict=True)
    ours, theirs = run.saved.network.state_dict(), again.network.state_dict()
    assert list(ours) == list(theirs)
    assert all(ours[key].equal(theirs[key]) for key in ours)


def test_saving_a_loaded_model_gives_the_same_contents(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "a")
    save_model(tmp_path / "b", load_model(tmp_path / "a"))
    assert read_header(tmp_path / "a") == read_header(tmp_path / "b")
    one, other = load_file(tmp_path / "a"), load_file(tmp_path / "b")
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], strict=True)


def test_256_rows_are_kept_as_proof(run: Run, rows: pa.Table) -> None:
    saved = run.saved
    assert (saved.proof_rows.num_rows, saved.proof_probabilities.shape) == (256, (256,))
    assert saved.proof_rows.column_names == list(saved.encoder.schema.columns)
    np.testing.assert_array_equal(saved.proof_probabilities, saved.probabilities(open_source(rows))[:256])


@pytest.mark.parametrize("config", [LR(), FM(embedding_dim=3), WideDeep(embedding_dim=1, hidden_units=[])])
def test_every_kind_of_model_comes_back(config: LR, tmp_path: Path) -> None:
    data = {"y": [0, 1, 1, 0], "a": [["漢", "b"], [], None, ["b"]], "n": [1.0, None, 3.0, 9.0]}
    schema = Schema(label="y", fields=[Field("a"), Field("n", numeric=[])])
    run = train(schema, config, train=data, training=TrainingConfig(epochs=3, batch_size=3))
    run.save(tmp_path / "m")
    after = load_model(tmp_path / "m").probabilities(open_source(data))
    np.testing.assert_array_equal(after, run.saved.probabilities(open_source(data)))


def test_training_on_no_pairs_at_all_can_be_saved(tmp_path: Path) -> None:
    schema = Schema(label="y", fields=[Field("a")])
    run = train(schema, FM(), train={"y": [0, 1], "a": [None, None]}, training=TrainingConfig(epochs=1))
    run.save(tmp_path / "m")
    assert load_model(tmp_path / "m").probabilities(open_source({"a": ["new", None]})).shape == (2,)


def test_a_file_replaces_an_older_one_and_folders_are_made(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "today" / "ctr.manyhot"
    for _ in range(2):
        run.save(path)
        assert [p.name for p in path.parent.iterdir()] == ["ctr.manyhot"]
        path.write_bytes(b"older")
    run.save(path)
    load_model(path)


def test_nothing_is_left_where_the_file_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "file" / "m", tmp_path / "file" / "below" / "m", Path("/proc/none/m")):
        with pytest.raises(ModelFileError) as caught:
            run.save(path)
        assert f"{path}: cannot write the model" in str(caught.value)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "text"
