"""Model files of every release load for ever, and score as they did; what is of a later format says what reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from test_damaged_files import sentence

from manyhot.data import open_source
from manyhot.model_file import load_model, read_header
from manyhot.storage import tensors_checksum, write_tensors

FOLDER = Path(__file__).parent / "released"
FILES = sorted(FOLDER.glob("*/*.manyhot"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("kernels", ["native", "reference"])
def test_a_released_file_scores_as_it_did(path: Path, kernels: str) -> None:
    expected = json.loads(path.with_suffix(".json").read_text())
    found = load_model(path, kernels=kernels).probabilities(open_source(expected["rows"]))
    assert len(np.unique(found)) > 5
    np.testing.assert_allclose(found, np.array(expected["probabilities"]), rtol=0, atol=1e-5, strict=False)


def test_every_kind_of_file_is_kept() -> None:
    assert {path.stem for path in FILES} >= {"deepfm", "labels", "trees"}


def later(path: Path, to: Path, **changes: object) -> Path:
    tensors = load_file(path)
    tensors.pop("checksum")
    write_tensors(to, json.dumps({**read_header(path), **changes}), tensors)
    return to


def test_a_later_format_names_the_version_that_reads_it(tmp_path: Path) -> None:
    for version, words in (
        ("7.1.0", "it was written by manyhot 7.1.0, which can read it"),
        (None, "it was written by a later manyhot, which can read it"),
        ("\x1b[31m", "it was written by a later manyhot"),
    ):
        said = sentence(later(FILES[0], tmp_path / "m", format=2, manyhot=version))
        assert "has format 2, this version of manyhot reads format 1" in said and words in said


def test_a_later_format_may_have_other_tensors(tmp_path: Path) -> None:
    """Its number is read before anything else of it is believed, if it be its checksum."""
    tensors = {"x": np.zeros(3, np.float32)}
    write_tensors(tmp_path / "m", json.dumps({"format": 2, "manyhot": "7.1.0"}), tensors)
    assert "manyhot 7.1.0, which can read it" in sentence(tmp_path / "m")
    assert tensors_checksum("", tensors).shape == (32,)
