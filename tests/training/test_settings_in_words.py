"""What a training tells of its settings before it starts, and `manyhot inspect` afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from clicks import SCHEMA, TRAIN, VALID

import manyhot as mh
from manyhot.cli import main


@pytest.mark.parametrize(
    ("training", "with_valid", "words"),
    [
        (
            mh.TrainingConfig(threads=1),
            True,
            "batches of 64, 30 epochs at most, the end after 4 epochs without a better log loss on valid, weights "
            "averaged by 0.99 a step, tables by adam 0.00141",
        ),
        (
            mh.TrainingConfig(threads=1, batch_size=50, validate_every=2, early_stopping=mh.EarlyStopping()),
            True,
            "batches of 50, 30 epochs at most, the end after 2 looks (2 steps each) without a better log loss on "
            "valid, weights averaged by 0.99 a step, tables by adam 0.00125",
        ),
        (
            mh.TrainingConfig(threads=1, epochs=1, tables=mh.TableOptimizer(optimizer="adagrad")),
            False,
            "batches of 64, 1 epoch, tables by adagrad 0.05",
        ),
    ],
)
def test_settings(
    training: mh.TrainingConfig, with_valid: bool, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    valid = VALID if with_valid else None
    run = mh.train(SCHEMA, mh.LR(), train=TRAIN, valid=valid, training=training, on_stage=told.append)
    assert told[-1] == f"training: {words}"
    run.save(tmp_path / "m")
    main(["inspect", str(tmp_path / "m")])
    assert f"training   {words}\n" in capsys.readouterr().out
