"""The short form, and that it can fail."""

from __future__ import annotations

import json
from pathlib import Path

import mutated_model_files
import numpy as np
import pytest
from model_mutations import flip, joined, mutated, taken_apart


def test_mutated_files_are_refused_or_score_the_same() -> None:
    assert "no crash" in mutated_model_files.run(100)


def test_what_is_joined_again_is_the_same_file() -> None:
    """Else a mutation would be refused for the way it is written."""
    for path in mutated_model_files.FILES:
        assert joined(taken_apart(path.read_bytes())) == path.read_bytes()


def test_mutations_differ_from_the_file_and_from_each_other() -> None:
    raw = mutated_model_files.FILES[0].read_bytes()
    made = [mutated(raw, np.random.default_rng(seed)) for seed in range(200)]
    assert raw not in made
    assert len(set(made)) > 190
    assert made[:9] == [mutated(raw, np.random.default_rng(seed)) for seed in range(9)]
    assert flip(raw, 8) != raw and flip(flip(raw, 8), 8) == raw


def test_other_scores_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for a reader that believes a file whose checksum is right."""
    note, tensors = taken_apart(mutated_model_files.FILES[0].read_bytes())
    tensors["dense.bias"] = tensors["dense.bias"] + np.float32(0.1)
    (tmp_path / "m").write_bytes(joined((note, tensors)))
    assert mutated_model_files._loaded(tmp_path / "m")[1] == "refused"
    monkeypatch.setattr("manyhot.model_file._file._PROOF_TOLERANCE", 1.0)
    assert mutated_model_files._loaded(tmp_path / "m")[1] == "scores differ"


def test_asking_for_memory_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000 bytes")

    monkeypatch.setattr("manyhot.model_file._file.filled_network", ask)
    note, tensors = taken_apart(mutated_model_files.FILES[0].read_bytes())
    (tmp_path / "m").write_bytes(joined((json.loads(json.dumps(note)), tensors)))
    assert "asked for more than 64 MiB" in mutated_model_files._loaded(tmp_path / "m")[1]
