"""`manyhot inspect` of files whose summary is not what training writes: nobody checks it on loading."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from manyhot.cli import main
from manyhot.model_file import read_header
from manyhot.storage import tensors_checksum

RELEASED = Path(__file__).parent / "released" / "0.1.0"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\nproof      9999 rows\u202e"
WORDS = "model      DeepFM"

SUMMARIES: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "as it was": ("deepfm", lambda s: None),
    "nothing": ("deepfm", lambda s: s.clear()),
    "split is a number": ("deepfm", lambda s: s.update(split=5)),
    "metrics are a number": ("deepfm", lambda s: s.update(metrics=7)),
    "a metric is text": ("deepfm", lambda s: s["metrics"]["valid"].update(auc="x")),
    "a metric is a list": ("deepfm", lambda s: s["metrics"]["valid"].update(auc=[1], log_loss=True, ece=2**62)),
    "groups are text": ("deepfm", lambda s: s["metrics"]["valid"].update(groups="x")),
    "groups without those of one class": ("deepfm", lambda s: s["metrics"]["valid"].update(groups=3)),
    "half of the groups": ("deepfm", lambda s: s["metrics"]["valid"].update(groups=3, groups_of_one_class="x")),
    "valid is nothing": ("deepfm", lambda s: s["metrics"].update(valid={})),
    "no training": ("deepfm", lambda s: s.pop("training")),
    "training is text": ("deepfm", lambda s: s.update(training="x")),
    "batches are text": ("deepfm", lambda s: s["training"].update(batch_size="x")),
    "another calibration": ("deepfm", lambda s: s["training"].update(calibration=ESCAPES)),
    "metrics of a strange name": ("deepfm", lambda s: s["metrics"].update({ESCAPES: {"auc": 0.5}})),
    "a split of strange names": ("deepfm", lambda s: s.update(split={ESCAPES: ESCAPES})),
    "labels have no metrics": ("labels", lambda s: s["metrics"].update(valid={"auc": 0.5})),
    "one label has none": ("labels", lambda s: s["metrics"]["valid"].pop("bought")),
    "those of a label are a number": ("labels", lambda s: s["metrics"]["valid"].update(bought=3)),
}


def changed(path: Path, kind: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """A released file with another note, under a right checksum."""
    note, tensors = read_header(RELEASED / f"{kind}.manyhot"), load_file(RELEASED / f"{kind}.manyhot")
    change(note)
    text = json.dumps(note)
    tensors.pop("checksum")
    save_file({**tensors, "checksum": np.asarray(tensors_checksum(text, tensors))}, path, {"manyhot": text})
    return path


def shown(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    main(["inspect", str(path), "--as-json"])
    json.loads(capsys.readouterr().out)
    main(["inspect", str(path)])
    text = capsys.readouterr().out
    lines = text.split("\n")
    assert all(line.isprintable() for line in lines), text
    assert sum(line.startswith("proof") for line in lines) == 1
    return lines


@pytest.mark.parametrize("case", SUMMARIES)
def test_a_summary_is_shown_as_far_as_it_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    kind, change = SUMMARIES[case]
    lines = shown(changed(tmp_path / "m", kind, lambda note: change(note["summary"])), capsys)
    assert any(line.startswith(WORDS) for line in lines)


def test_what_is_known_of_a_label_is_shown_without_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(tmp_path / "m", "labels", lambda note: note["summary"]["metrics"]["valid"].pop("bought"))
    lines = [line for line in shown(path, capsys) if line.startswith("valid")]
    assert len(lines) == 1 and "clicked" in lines[0] and "auc 0.40153" in lines[0]


def test_names_of_a_file_stay_on_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(
        tmp_path / "m",
        "deepfm",
        lambda note: note["encoder"]["schema"].update(label=ESCAPES, group="g" + ESCAPES, time="t" + ESCAPES),
    )
    lines = shown(path, capsys)
    assert [line for line in lines if line.startswith("label")] == [
        r"label      \x1b]0;owned\x07\x1b[2J\nproof      9999 rows\u202e"
    ]
