"""Trees live in the model file: scores need no LightGBM, and a file whose trees are none is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from manyhot.data import open_source
from manyhot.errors import ConfigError, ModelFileError
from manyhot.model_file import load_model, save_model
from manyhot.schema import FM, GBDT, Field, Schema, TrainingConfig
from manyhot.scoring import load
from manyhot.storage import tensors_checksum
from manyhot.training import Run, train


@pytest.fixture(scope="module")
def with_trees() -> tuple[Run, dict[str, list[float | None]]]:
    rng = np.random.default_rng(1)
    age: list[float | None] = [None if a < 18 else float(a) for a in rng.integers(15, 60, 600)]
    rows = {"age": age, "y": [int(a is None or a > 40) for a in age]}
    schema = Schema(label="y", fields=[Field("leaves", gbdt=GBDT(columns=["age"], trees=4, leaves=8))])
    training = TrainingConfig(epochs=3, batch_size=64, threads=1)
    return train(schema, FM(embedding_dim=2), train=rows, valid=rows, training=training), rows


def test_a_model_scores_without_lightgbm(
    with_trees: tuple[Run, dict[str, list[float | None]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, rows = with_trees
    assert run.metrics["valid"]["auc"] > 0.95
    run.save(tmp_path / "m.manyhot")
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    scorer = load(tmp_path / "m.manyhot")
    expected = run.saved.probabilities(open_source(rows))
    np.testing.assert_array_equal(scorer.score({"age": rows["age"]}), expected)
    assert len(set(expected.tolist())) > 1
    with pytest.raises(ConfigError, match=r"manyhot\[gbdt\]"):
        train(scorer.encoder.schema, FM(), train=rows)


def test_a_file_whose_trees_go_in_circles_is_refused(
    with_trees: tuple[Run, dict[str, list[float | None]]], tmp_path: Path
) -> None:
    """With a right checksum: who can write a file can write that."""
    path = tmp_path / "m.manyhot"
    save_model(path, with_trees[0].saved)
    with safe_open(path, "numpy") as file:
        text = file.metadata()["manyhot"]
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != "checksum"}  # noqa: SIM118
    assert "trees.leaves.left" in tensors and json.loads(text)
    tensors["trees.leaves.left"][0] = 0
    save_file({**tensors, "checksum": tensors_checksum(text, tensors)}, path, {"manyhot": text})
    with pytest.raises(ModelFileError, match="the trees are damaged: a child comes before its parent"):
        load_model(path)
