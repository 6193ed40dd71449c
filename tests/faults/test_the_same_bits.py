"""The same seed gives the same model file: in short; and what the comparison sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import same_bits
import torch

import manyhot as mh


def test_threads_files_and_caches_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "DeepFM with batch norm, dropout, clipping"
    monkeypatch.setattr(same_bits, "MODELS", {name: same_bits.MODELS[name]})
    assert same_bits.run(2) == "2 of 2 runs of each of 1 models: one file each, times of day left out"


def test_another_seed_is_another_file(tmp_path: Path) -> None:
    rows = {"y": [0, 1] * 20, "a": [f"t{i % 7}" for i in range(40)]}
    schema = mh.Schema(label="y", fields=(mh.Field("a"),))
    found = []
    for seed in (1, 1, 2):
        training = mh.TrainingConfig(epochs=1, seed=seed)
        mh.train(schema, mh.DeepFM(embedding_dim=2), train=rows, training=training).save(tmp_path / "m")
        found.append(same_bits.contents(tmp_path / "m"))
    assert found[0] == found[1] != found[2]


def test_deterministic_training_leaves_torch_one_thread_and_the_kernels_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    rows = {"y": [0, 1] * 20, "a": [f"t{i % 7}" for i in range(40)]}
    training = mh.TrainingConfig(epochs=1, threads=2, deterministic=True)
    run = mh.train(
        mh.Schema(label="y", fields=(mh.Field("a"),)),
        mh.DeepFM(embedding_dim=2),
        train=rows,
        training=training,
        listener=lambda report: seen.append(torch.get_num_threads()),
    )
    assert set(seen) == {1} and run.saved.network.tables.threads == 2
