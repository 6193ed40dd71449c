"""The experiment file: the issue's example, overrides, and mistakes named with file, section and nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhot.errors import ConfigError
from manyhot.schema import (
    DenseOptimizer,
    EarlyStopping,
    Experiment,
    Separators,
    TableOptimizer,
    Vocabulary,
    load_experiment,
)

EXAMPLE = """
[data]
train = "clicks/day=0[1-6]/*.parquet"
valid = "clicks/day=07/*.parquet"
test = "clicks/day=08/*.parquet"
label = "clicked"
[vocabularies.app]
min_count = 10
[fields.active_apps]
vocabulary = "app"
combiner = "mean"
[fields.installed_apps]
vocabulary = "app"
column = "installed"
weights = "installed_days"
[fields.uninstalled_apps]
vocabulary = "app"
separators = { pair = ",", weight = ":" }
[fields.city]
[fields.counts]
columns = ["I1", "I2"]
numeric = ["clip(0, 20)", "log1p", "minmax"]
[model]
name = "deepfm"
embedding_dim = 16
hidden_units = [400, 400]
dropout = 0.2
batch_norm = false
pairs = "features"
[training]
batch_size = 4096
epochs = 5
seed = 1
early_stopping = { metric = "auc", patience = 2 }
tables = { optimizer = "adagrad", learning_rate = 0.05 }
dense = { optimizer = "adam", learning_rate = 0.001 }
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.toml"
    path.write_text(EXAMPLE)
    return path


def sentence(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_experiment(path, overrides)
    return str(caught.value)


def test_the_example_of_the_issue_loads(example: Path) -> None:
    made = load_experiment(example)
    assert isinstance(made, Experiment)
    assert made.folder == example.parent
    assert (made.data.train, made.data.label) == ("clicks/day=0[1-6]/*.parquet", "clicked")
    fields = {field.name: field for field in made.schema.fields}
    assert list(fields) == ["active_apps", "installed_apps", "uninstalled_apps", "city", "counts"]
    app = Vocabulary("app", min_count=10)
    assert [f.vocabulary for f in made.schema.fields] == [app, app, app, Vocabulary("city"), Vocabulary("counts")]
    assert fields["installed_apps"].input_columns == ("installed",)
    assert fields["installed_apps"].weights == "installed_days"
    assert fields["uninstalled_apps"].separators == Separators(pair=",", weight=":")
    assert [step.name for step in fields["counts"].steps("I2")] == ["clip", "log1p", "minmax"]
    assert [f.effective_combiner for f in made.schema.fields] == ["mean", "sqrtn", "sqrtn", "sqrtn", "sum"]
    assert (made.model.heads, made.model.dropout, made.model.hidden_units) == (
        ("linear", "fm", "deep"),
        0.2,
        (400, 400),
    )
    assert made.training.early_stopping == EarlyStopping(metric="auc", patience=2)
    assert made.training.tables == TableOptimizer(optimizer="adagrad", learning_rate=0.05)
    assert made.training.dense == DenseOptimizer(optimizer="adam", learning_rate=0.001)


def test_model_and_training_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text('[data]\ntrain = ["a.csv", "b.csv"]\nlabel = "y"\n[fields.a]\n')
    made = load_experiment(path)
    assert (made.model.name, made.data.train, made.data.valid) == ("deepfm", ("a.csv", "b.csv"), None)


def test_overrides_are_toml_and_bare_words_are_text(example: Path) -> None:
    made = load_experiment(
        example,
        (
            "training.epochs=9",
            "training.tables.learning_rate = 0.5",
            "data.train=other.csv",
            "model.hidden_units=[8, 4]",
            "fields.city.missing=oov",
            'fields.age.numeric=["log1p"]',
            "model.batch_norm=true",
        ),
    )
    assert (made.training.epochs, made.training.tables.learning_rate, made.data.train) == (9, 0.5, "other.csv")
    assert (made.model.hidden_units, made.model.batch_norm) == ((8, 4), True)
    assert {f.name: f.missing for f in made.schema.fields}["city"] == "oov"
    assert made.schema.fields[-1].name == "age"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("epochs=3", ["--set epochs=3", "section.key=value"]),
        ("training.epochs", ["--set training.epochs", "section.key=value"]),
        ("training..epochs=3", ["section.key=value"]),
        ("training.epochs.x=3", ["training.epochs.x=3", '"epochs" is a value']),
        ("training.epochs=three", ["training", "epochs", "whole number", "text"]),
        ("trainin.epochs=3", ["[trainin]", 'did you mean "training"?']),
        ("data.tran=a.csv", ["data", '"tran"', 'did you mean "train"?']),
        ("vocabularies.app.min_cout=3", ["vocabularies.app", '"min_cout"', 'did you mean "min_count"?']),
        ("fields.city.combinr=sum", ["fields.city", '"combinr"', 'did you mean "combiner"?']),
        ("fields.uninstalled_apps.separators.pairs=;", ["fields.uninstalled_apps.separators", 'did you mean "pair"?']),
        ("model.dropot=0.1", ["model", '"dropot"', 'did you mean "dropout"?']),
        ("training.epoch=3", ["training", '"epoch"', 'did you mean "epochs"?']),
        ("training.tables.learning_rat=1", ["training.tables", 'did you mean "learning_rate"?']),
        ("training.dense.qqq=1", ["training.dense", '"qqq"', "known:", "learning_rate"]),
        ("training.early_stopping.patienc=1", ["training.early_stopping", 'did you mean "patience"?']),
        ("fields.city.vocabulary=ap", ['field "city"', '"ap"', 'did you mean "app"?']),
        ("fields.city=3", ["fields.city", "table", "[fields.city]"]),
        ("data.delimiter=ab", ["data", 'delimiter = "ab"', "one ASCII character"]),
        ('data.columns=["a", "b", "a"]', ["data", "columns", '"a"', "twice"]),
        ("data.label=city", ['field "city"', "label"]),
        ("fields.city.name=town", ["fields.city", '"name"']),
        ("vocabularies.app.name=town", ["vocabularies.app", '"name"']),
        ("fields.uninstalled_apps.separators.pair=;;", ["uninstalled_apps", 'pair = ";;"', "one ASCII character"]),
        ("training.dense.learning_rate=-1", ["dense", "learning_rate = -1", "positive"]),
    ],
)
def test_a_mistake_names_its_place_and_the_remedy(example: Path, override: str, words: list[str]) -> None:
    text = sentence(example, override)
    assert [word for word in words if word not in text] == [], text


def test_mistakes_in_the_file_name_the_file(example: Path, tmp_path: Path) -> None:
    assert str(example) in sentence(example, "model.dropot=0.1")
    assert "nowhere.toml" in sentence(tmp_path / "nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[data\n")
    assert f"{broken}: not a TOML file" in sentence(broken)
    broken.write_bytes(b"\xff\xfe")
    assert f"{broken}: not a TOML file" in sentence(broken)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[fields.a]\n", ["section [data] is missing"]),
        ('[data]\ntrain = "a.csv"\nlabel = "y"\n', ["section [fields] is missing"]),
        ('[data]\nlabel = "y"\n[fields.a]\n', ["data", "train"]),
        ('[data]\ntrain = "a.csv"\nlabel = "y"\n[fields]\n', ["fields", "at least one field"]),
        ('fields = 3\n[data]\ntrain = "a.csv"\nlabel = "y"\n', ["fields", "must be a table"]),
        ("data = 3\n[fields.a]\n", ["data", "whole number"]),
    ],
)
def test_a_missing_or_wrong_section_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    found = sentence(path)
    assert [word for word in [str(path), *words] if word not in found] == [], found
