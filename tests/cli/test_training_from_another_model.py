"""manyhot train with init_from: an FNN that starts from an FM, both from experiment files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyhot.cli import main
from refusals import assert_refused

EXPERIMENT = """
[data]
train = "train.tsv"
label = "y"
[fields.apps]
separators = {}
[fields.city]
[model]
name = "fm"
embedding_dim = 4
[training]
epochs = 2
"""
FNN = EXPERIMENT.replace('"fm"', '"fnn"') + 'init_from = "runs/fm/model.manyhot"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With an FM in runs/fm; the working directory is elsewhere."""
    (tmp_path / "train.tsv").write_text("y\tapps\tcity\n" + "1\ta,b\tx\n0\tc\ty\n" * 20)
    (tmp_path / "fm.toml").write_text(EXPERIMENT)
    (tmp_path / "fnn.toml").write_text(FNN)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    main(["train", "../fm.toml", "--out", "../runs/fm"])
    return tmp_path


def test_the_path_counts_from_the_experiment_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["train", "../fnn.toml", "--out", "fnn"])
    said = " ".join(capfd.readouterr().err.split())
    assert "apps 4 of 4, city 3 of 3" in said
    main(["inspect", "fnn/model.manyhot", "--as-json"])
    summary = json.loads(capfd.readouterr().out)["summary"]
    assert summary["training"]["init_from"] == "../runs/fm/model.manyhot"


@pytest.mark.parametrize("command", ["train", "check"])
def test_what_cannot_start_from_it_is_refused_by_train_and_by_check(
    command: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    changed = FNN.replace("embedding_dim = 4", "embedding_dim = 8")
    (folder / "fnn.toml").write_text(changed)
    assert_refused([command, "../fnn.toml"], ["init_from", "set embedding_dim = 4"], folder, capfd)
    (folder / "fnn.toml").write_text(FNN.replace("runs/fm", "runs/none"))
    assert_refused([command, "../fnn.toml"], ["runs/none/model.manyhot", "no such model file"], folder, capfd)
