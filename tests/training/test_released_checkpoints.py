"""Checkpoints of released versions: training goes on from them, or says which version does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import stops
from released_training import OPTIONS

RELEASED = sorted(path for path in (Path(__file__).parent / "released").iterdir() if path.is_dir())


@pytest.mark.parametrize("release", RELEASED, ids=lambda path: path.name)
def test_training_goes_on_from_it(release, tmp_path):
    shutil.copytree(release, tmp_path / "checkpoints")
    told: list[str] = []
    run = stops.train(tmp_path / "checkpoints", resume=True, told=told, **OPTIONS)
    assert any("goes on from step" in text for text in told)
    metrics = json.loads((release / "metrics.json").read_text())
    assert run.metrics["examples"] == metrics["examples"]
    assert run.metrics["valid"] == pytest.approx(metrics["valid"], abs=1e-4)  # this may be another processor
