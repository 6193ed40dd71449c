"""`manyhot models`: complete, quick, and what it tells to paste is that model."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import msgspec
import pytest

from manyhot.cli import main
from manyhot.schema import HEADS, MODELS, ModelConfig, convert


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "150")

    def run(*arguments: str) -> str:
        main(["models", *arguments])
        return capfd.readouterr().out

    return run


def test_every_model_and_head_is_listed(told):
    models, heads = told().split("\n\n")[:2]
    first_words = [[line.split()[0] for line in part.splitlines()[1:] if line[0] != " "] for part in (models, heads)]
    assert first_words == [list(MODELS), list(HEADS)]
    row = " ".join(next(line for line in models.splitlines() if line.startswith("xdeepfm")).split())
    assert row.startswith("xdeepfm xDeepFM linear + cin + deep cin, MLP Lian et al. 2018")


def is_unset(bare: ModelConfig, key: str, value: object) -> bool:
    return isinstance(value, msgspec.Struct) and getattr(bare, key) is None


@pytest.mark.parametrize("name", MODELS)
def test_what_is_to_be_pasted_is_the_model_with_its_defaults(told, name):
    one = json.loads(told(name, "--as-json"))
    pasted = tomllib.loads(one["toml"])["model"]
    model = convert(pasted, ModelConfig, "model")
    plain = {"interest": {"candidates": {"history": "item"}}} if name == "din" else {}
    bare = convert({"name": name, **plain}, ModelConfig, "model")
    spelled_out = {
        key: type(value)() for key, value in msgspec.structs.asdict(model).items() if is_unset(bare, key, value)
    }
    assert model == msgspec.structs.replace(bare, **spelled_out)
    assert [head["name"] for head in one["heads"]] == list(MODELS[name].heads)
    keys = {option["key"].partition(".")[0] for option in one["options"]}
    assert keys >= {key for head in MODELS[name].heads for key in HEADS[head].options}
    shown = told(name)
    assert one["toml"] in shown and all(option["key"] in shown for option in one["options"])
    assert MODELS[name].title in shown and MODELS[name].paper in shown


def test_options_say_default_and_values(told):
    options = {option["key"]: option for option in json.loads(told("dcnv2", "--as-json"))["options"]}
    assert options["cross.structure"] == {
        "key": "cross.structure",
        "default": '"parallel"',
        "values": '"parallel", "stacked"',
    }
    assert options["cross.rank"] == {"key": "cross.rank", "default": "", "values": "whole number"}
    assert options["hidden_units"]["default"] == "[400, 400]"
    assert "candidates" not in told("dcnv2")
    candidates = {"key": "interest.candidates", "needed": True, "values": "name = name, ..."}
    assert candidates in json.loads(told("din", "--as-json"))["options"]
    assert "interest.candidates  needed" in told("din")


def test_everything_as_json(told):
    everything = json.loads(told("--as-json"))
    assert [m["name"] for m in everything["models"]] == list(MODELS)
    assert [h["name"] for h in everything["heads"]] == list(HEADS)
    assert everything["models"][0]["heads"] == ["linear"]


def test_an_unknown_name_names_the_nearest(capfd):
    with pytest.raises(SystemExit) as caught:
        main(["models", "dcn2"])
    assert caught.value.code == 2
    assert capfd.readouterr().err == 'manyhot: there is no model "dcn2"; did you mean "dcnv2"?\n'


def test_it_loads_nothing_heavy():
    code = (
        "import sys, manyhot.cli\nmanyhot.cli.main(['models', 'dcnv2'])\n"
        "print(sorted({'torch', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "DCNv2" in done.stdout and done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
