"""A calibration in a model file: read back to the bit, or refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file
from test_damaged_files import rewrite, sentence

from manyhot.calibration import Affine, Calibrator, Isotonic
from manyhot.data import open_source
from manyhot.model_file import load_model, save_model, take_proof
from manyhot.training import Run

CALIBRATORS: dict[str, Calibrator] = {
    "affine": Affine(0.3, -1.5),
    "isotonic": Isotonic(np.array([-2.0, -0.5, 0.0, 1.0]), np.array([0.1, 0.2, 0.2, 0.9])),
}
DAMAGE = {
    "gone": lambda t: [t.pop(name) for name in list(t) if name.startswith("calibration.")],
    "other": lambda t: t.update({"calibration.affine": np.array([0.4, -1.5])}),
    "nan": lambda t: [t[name].fill(np.nan) for name in t if name.startswith("calibration.")],
    "short": lambda t: t.update({name: t[name][:-1] for name in t if name.startswith("calibration.")}),
    "unknown": lambda t: [t.update({"calibration.x": t.pop(name)}) for name in list(t) if "calibration" in name],
}


@pytest.fixture(params=CALIBRATORS)
def path(run: Run, rows: pa.Table, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    saved = dataclasses.replace(run.saved, calibrator=CALIBRATORS[request.param])
    save_model(tmp_path / "m", take_proof(saved, open_source(rows)))
    return tmp_path / "m"


def test_scores_keep_their_bits(path: Path, run: Run, rows: pa.Table, tmp_path: Path) -> None:
    loaded = load_model(path)
    assert loaded.calibrator is not None
    plain = run.saved.labelled_logits(open_source(rows))
    found = loaded.labelled_logits(open_source(rows))
    np.testing.assert_array_equal(found.logits, loaded.calibrator(plain.logits))
    np.testing.assert_array_equal(found.labels, plain.labels)
    save_model(tmp_path / "again", loaded)
    one, other = load_file(path), load_file(tmp_path / "again")
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("case", DAMAGE)
def test_another_calibration_is_noticed(path: Path, case: str) -> None:
    rewrite(path, lambda header, tensors: DAMAGE[case](tensors))
    sentence(path)
