"""DIN from an experiment file: it finds who wants what was seen before, inspect shows it, wrong fields are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import manyhot as mh
from manyhot.cli import main
from manyhot.schema import load_experiment
from refusals import assert_refused

EXPERIMENT = """
[data]
train = "clicks.jsonl"
valid = "later.jsonl"
label = "clicked"
[vocabularies.item]
[fields.seen]
vocabulary = "item"
combiner = "sum"
[fields.item]
[fields.hour]
[model]
name = "din"
embedding_dim = 8
hidden_units = [16]
[model.interest]
candidates = { seen = "item" }
units = [16]
activation = "dice"
[training]
batch_size = 128
epochs = 8
tables = { learning_rate = 0.1 }
dense = { learning_rate = 0.01 }
threads = 1
"""


def write_clicks(path: Path, seed: int, count: int) -> None:
    """A row clicks its item where it was among those seen before; nothing else tells the label."""
    rng = np.random.default_rng(seed)
    with path.open("w") as file:
        for _ in range(count):
            seen = rng.choice(12, 3, replace=False)
            item = rng.choice(seen) if rng.random() < 0.5 else rng.integers(12)
            row = {"seen": [f"i{s}" for s in seen], "item": f"i{item}", "hour": int(rng.integers(3))}
            file.write(json.dumps({**row, "clicked": int(item in seen)}) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("din")
    write_clicks(path / "clicks.jsonl", 1, 6000)
    write_clicks(path / "later.jsonl", 2, 1000)
    (path / "clicks.toml").write_text(EXPERIMENT)
    cache = str(path / "cache")
    main(["train", str(path / "clicks.toml"), "--out", str(path / "out"), "--cache", cache])
    return path


def test_it_learns_what_was_seen(folder):
    assert json.loads((folder / "out/metrics.json").read_text())["valid"]["auc"] > 0.9
    rows = {"seen": [["i1", "i2"], ["i1", "i2"], []], "item": ["i1", "i5", "i5"], "hour": [0, 0, 0]}
    again, other, nothing = mh.load(folder / "out/model.manyhot").score(rows)
    assert again > 0.5 > other and np.isfinite(nothing)


def test_inspect_shows_heads_and_options(folder, capfd):
    main(["inspect", str(folder / "out/model.manyhot")])
    shown = capfd.readouterr().out
    for words in (
        "model      DIN (Zhou et al. 2018, Deep Interest Network)\n",
        "heads      linear + interest\n",
        "interest: MLP over the fields",
        "options    embedding_dim = 8, hidden_units = [16], ",
        'interest.candidates = { seen = "item" }, interest.units = [16], interest.activation = "dice"',
    ):
        assert words in shown
    main(["inspect", str(folder / "out/model.manyhot"), "--as-json"])
    model = json.loads(capfd.readouterr().out)["model"]
    assert model["interest"] == {"candidates": {"seen": "item"}, "units": [16], "activation": "dice"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model.interest.candidates.sen=item", ["clicks.toml", "sen = item", 'no field "sen"; did you mean "seen"?']),
        ("model.interest.candidates.seen=hour", ["seen = hour", 'different vocabularies, "item" and "hour"']),
        ("model.interest.candidates.item=item", ['"item" asks itself']),
        ("model.interest.activation=relu", ["interest", 'is none of "prelu", "dice"']),
        ("model.interest.units=[0]", ["model.interest", "units = (0,)", "at least 1"]),
        ("model.interest={}", ["model.interest", "missing required field candidates"]),
        ("model.name=deepfm", ['interest belongs to the head "interest"']),
    ],
)
def test_a_wrong_option_is_refused(folder, capfd, change, words):
    assert_refused(["train", folder / "clicks.toml", "--set", change], words, folder, capfd)


def test_din_asks_for_its_bags(folder, capfd):
    lacking = folder / "lacking.toml"
    lacking.write_text(EXPERIMENT[: EXPERIMENT.index("[model.interest]")])
    assert_refused(["train", lacking], ["lacking.toml", 'candidates = { history = "item" }'], folder, capfd)


def test_in_python_the_fields_are_looked_at_before_any_row(folder):
    model = mh.ModelConfig(name="din", interest=mh.Interest(candidates={"seen": "city"}))
    schema = load_experiment(folder / "clicks.toml").schema
    with pytest.raises(mh.ConfigError, match='no field "city"'):
        mh.train(schema, model, train="there is no such file")
