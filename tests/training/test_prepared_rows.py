"""Training on prepared rows is training on the raw ones, bit by bit."""

from __future__ import annotations

from pathlib import Path

import clicks
import pytest
from clicks import MODELS, SCHEMA, TRAIN, VALID, bits, train

import manyhot as mh
from manyhot.data import open_source, prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepare(SCHEMA, {"train": open_source(TRAIN), "valid": open_source(VALID)}, tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize("preset", [None, "article"])
def test_the_same_bits_and_the_same_proof(folder: Path, preset: str | None, tmp_path: Path) -> None:
    model = mh.DeepFM(embedding_dim=4, hidden_units=(8, 4), preset=preset)
    early = mh.EarlyStopping(patience=1)
    raw, _ = train(model, early_stopping=early)
    options = mh.TrainingConfig(batch_size=64, epochs=2, threads=1, early_stopping=early)
    ours = mh.train(SCHEMA, model, prepared=folder, training=options, listener=lambda report: None)
    assert bits(ours) == bits(raw)
    assert ours.metrics["valid"] == raw.metrics["valid"]
    assert ours.saved.encoder.fingerprint() == raw.saved.encoder.fingerprint()
    assert ours.saved.proof_rows == raw.saved.proof_rows
    assert ours.saved.proof_probabilities.tobytes() == raw.saved.proof_probabilities.tobytes()
    ours.save(tmp_path / "model.manyhot")
    assert len(mh.load(tmp_path / "model.manyhot").score(VALID)) == 150


def test_what_cannot_be_meant_is_a_sentence(folder: Path) -> None:
    model = MODELS["lr"]
    with pytest.raises(mh.ConfigError, match="prepared rows are all that is trained on; leave out valid"):
        mh.train(SCHEMA, model, prepared=folder, valid=VALID)
    with pytest.raises(mh.ConfigError, match="there is nothing to train on"):
        mh.train(SCHEMA, model, valid=VALID)
    turned = mh.Schema(label="clicked", fields=clicks.SCHEMA.fields[::-1])
    with pytest.raises(mh.DataError, match="the fields stand in another order"):
        mh.train(turned, model, prepared=folder)


def test_early_stopping_needs_valid_rows_in_the_folder(tmp_path: Path) -> None:
    prepare(SCHEMA, {"train": open_source(TRAIN)}, tmp_path / "out")
    options = mh.TrainingConfig(validate_every=1)
    with pytest.raises(mh.ConfigError, match="validate_every needs rows it can look at"):
        mh.train(SCHEMA, MODELS["lr"], prepared=tmp_path / "out", training=options)
