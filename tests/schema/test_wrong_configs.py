"""Wrong experiment files, each with what is wrong with it: one message, exit code 2, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhot.cli import main
from refusals import assert_refused

RIGHT = """
[data]
train = "rows.csv"
label = "y"
[vocabularies.app]
min_count = 1
[fields.apps]
vocabulary = "app"
separators = { pair = ",", weight = ":" }
[fields.city]
[fields.age]
numeric = ["log1p", "minmax"]
[model]
name = "deepfm"
embedding_dim = 2
hidden_units = [4]
[training]
epochs = 1
batch_size = 4
"""
ROWS = "y,apps,city,age\n" + "".join(f'{i % 2},"a:1,b{i % 3}:0.5",c{i % 4},{i}\n' for i in range(20))

# what is wrong: a part of RIGHT, what stands there instead (None: the whole file), and words of the message
WRONG: dict[str, tuple[str | None, str, tuple[str, ...]]] = {
    # the file
    "empty": (None, "", ("section [data] is missing",)),
    "not TOML": (None, "train: rows.csv", ("not a TOML file",)),
    "JSON": (None, '{"data": {"train": "rows.csv"}}', ("not a TOML file",)),
    "a table twice": ("[fields.city]", "[fields.city]\n[fields.city]", ("not a TOML file",)),
    "a key twice": ('label = "y"', 'label = "y"\nlabel = "z"', ("not a TOML file",)),
    "an unclosed text": ('label = "y"', 'label = "y', ("not a TOML file",)),
    "an unclosed list": ("[4]", "[4", ("not a TOML file",)),
    "words without quotes": ('"rows.csv"', "rows.csv", ("not a TOML file",)),
    "an unknown section": ("[training]", "[trainning]", ("unknown section [trainning]", '"training"')),
    "data is no table": (None, 'data = "rows.csv"\nfields = 1', ("data",)),
    "no fields": (None, '[data]\ntrain = "rows.csv"\nlabel = "y"', ("section [fields] is missing",)),
    "fields without any": (None, '[data]\ntrain = "rows.csv"\nlabel = "y"\n[fields]', ("field",)),
    "no data": ("[data]", "[datas]", ("unknown section [datas]", '"data"')),
    # [data]
    "train missing": ('train = "rows.csv"', "", ("train",)),
    "label missing": ('label = "y"', "", ("label",)),
    "train a number": ('"rows.csv"', "3", ("train",)),
    "train an empty list": ('"rows.csv"', "[]", ("the list of files is empty",)),
    "train a list of numbers": ('"rows.csv"', "[1]", ("train",)),
    "train not there": ("rows.csv", "row.csv", ("row.csv: there is no such file",)),
    "valid not there": ('label = "y"', 'label = "y"\nvalid = "no.csv"', ("no.csv: there is no such file",)),
    "an unknown key of data": ('label = "y"', 'label = "y"\nlable = "y"', ('unknown key "lable"', '"label"')),
    "an unknown format": ('label = "y"', 'label = "y"\nformat = "xlsx"', ("format", "xlsx", '"csv"')),
    "a long delimiter": ('label = "y"', 'label = "y"\ndelimiter = "::"', ("one ASCII character",)),
    "a delimiter that is not ASCII": ('label = "y"', 'label = "y"\ndelimiter = "¦"', ("one ASCII character",)),
    "no delimiter at all": ('label = "y"', 'label = "y"\ndelimiter = ""', ("one ASCII character",)),
    "a delimiter that ends lines": ('label = "y"', 'label = "y"\ndelimiter = "\\n"', ("delimiter",)),
    "a delimiter that is the quote": ('label = "y"', 'label = "y"\ndelimiter = \'"\'', ("delimiter",)),
    "names twice": ('label = "y"', 'label = "y"\ncolumns = ["y", "y"]', ('names "y" twice',)),
    "quote is a text": ('label = "y"', 'label = "y"\nquote = "no"', ("quote", "true or false")),
    "a negative limit": ('label = "y"', 'label = "y"\nmax_bad_rows = -1', ("bad rows", "-1")),
    "a limit in words": ('label = "y"', 'label = "y"\nmax_bad_rows = "few"', ("max_bad_rows", "whole number")),
    "a fraction above 1": ('label = "y"', 'label = "y"\nmax_bad_fraction = 5', ("bad rows", "between 0 and 1")),
    "a label that is no column": ('label = "y"', 'label = "click"', ('column "click" is missing',)),
    "a label that feeds a field": ('label = "y"', 'label = "city"', ('"city" is the label',)),
    # [vocabularies]
    "min_count of 0": ("min_count = 1", "min_count = 0", ('vocabulary "app"', "min_count = 0")),
    "min_count in words": ("min_count = 1", 'min_count = "two"', ("min_count", "whole number")),
    "min_count a fraction": ("min_count = 1", "min_count = 1.5", ("min_count", "whole number")),
    "max_size of 0": ("min_count = 1", "max_size = 0", ("max_size = 0",)),
    "hash_buckets and identity": ("min_count = 1", "hash_buckets = 9\nidentity = 9", ("exclude each other",)),
    "hash_buckets and min_count": (
        "min_count = 1",
        "hash_buckets = 9\nmin_count = 2",
        ("hash_buckets counts no tokens",),
    ),
    "an unknown key of a vocabulary": ("min_count = 1", "mincount = 1", ('unknown key "mincount"', '"min_count"')),
    "a vocabulary that is no table": (
        "[vocabularies.app]\nmin_count = 1",
        "[vocabularies]\napp = 1",
        ("vocabularies.app",),
    ),
    "a name inside": ("min_count = 1", 'name = "app"', ('unknown key "name"',)),
    # [fields]
    "an unknown vocabulary": ('vocabulary = "app"', 'vocabulary = "apps2"', ("apps2",)),
    "an unknown key of a field": ("[fields.city]", '[fields.city]\ncombinor = "sum"', ('"combinor"', '"combiner"')),
    "an unknown combiner": ("[fields.city]", '[fields.city]\ncombiner = "max"', ("combiner", "max", '"sqrtn"')),
    "an unknown separator key": ('weight = ":"', 'weights = ":"', ('"weights"', '"weight"')),
    "equal separators": ('weight = ":"', 'weight = ","', ("separators",)),
    "a long separator": ('pair = ","', 'pair = ", "', ("separators",)),
    "separators that are a text": ('{ pair = ",", weight = ":" }', '","', ("separators",)),
    "column and columns": ("[fields.city]", '[fields.city]\ncolumn = "city"\ncolumns = ["city"]', ("column",)),
    "no columns": ("[fields.city]", "[fields.city]\ncolumns = []", ("columns",)),
    "a column that is not there": (
        "[fields.city]",
        "[fields.citty]",
        ('column "citty" is missing; did you mean "city"?',),
    ),
    "one column twice": (
        "[fields.city]",
        '[fields.city]\n[fields.town]\ncolumn = "city"',
        ('column "city" feeds both',),
    ),
    "an unknown transform": ('"log1p"', '"log"', ('unknown transform "log"',)),
    "a transform without its numbers": ('"log1p"', '"clip(1)"', ('"clip(1)" has the wrong arguments',)),
    "a transform of words": ('"log1p"', '"clip(a, b)"', ("must be numbers",)),
    "bounds the wrong way round": ('"log1p"', '"clip(9, 1)"', ("lower bound above its upper bound",)),
    "a bucket before the end": ('"log1p"', '"log2_bucket"', ("must be the last step",)),
    "two steps that learn": ('"log1p"', '"standardize"', ("both learn from the data",)),
    "a transform unclosed": ('"log1p"', '"clip(0, 1"', ("is no transform",)),
    "numeric with separators": ("numeric =", 'separators = { pair = "," }\nnumeric =', ("separators",)),
    "numeric of text": ("[fields.city]", "[fields.city]\nnumeric = []", ('rows.csv:2: column "city" is not a number',)),
    "an unknown rule for missing": ("[fields.city]", '[fields.city]\nmissing = "zero"', ("missing", "zero")),
    # [model]
    "an unknown model": ('"deepfm"', '"deepfn"', ("deepfn", "deepfm")),
    "no embedding": ("embedding_dim = 2", "embedding_dim = 0", ("embedding_dim",)),
    "a layer of no units": ("hidden_units = [4]", "hidden_units = [4, 0]", ("hidden_units",)),
    "layers that are a number": ("hidden_units = [4]", "hidden_units = 4", ("hidden_units",)),
    "dropout of everything": ("hidden_units = [4]", "dropout = 1.0", ("dropout",)),
    "an unknown head": ('name = "deepfm"', 'heads = ["linear", "cros"]', ("cros",)),
    "an unknown preset": ('name = "deepfm"', 'name = "deepfm"\npreset = "paper"', ("preset", "paper")),
    "an unknown key of the model": ("embedding_dim", "embeding_dim", ('"embeding_dim"', '"embedding_dim"')),
    # [training]
    "no epochs": ("epochs = 1", "epochs = 0", ("epochs = 0 must be at least 1",)),
    "epochs in words": ("epochs = 1", 'epochs = "many"', ("epochs", "whole number")),
    "batches of nothing": ("batch_size = 4", "batch_size = 0", ("batch_size = 0",)),
    "a negative seed": ("epochs = 1", "seed = -1", ("seed = -1",)),
    "stopping without valid": ("epochs = 1", "early_stopping = {}", ("give valid",)),
    "looks without valid": ("epochs = 1", "validate_every = 5", ("give valid",)),
    "an unknown metric": ("epochs = 1", 'early_stopping = { metric = "f1" }', ("metric", "f1")),
    "no patience": ("epochs = 1", "early_stopping = { patience = 0 }", ("patience = 0",)),
    "an unknown optimizer": ("epochs = 1", 'tables = { optimizer = "lion" }', ("optimizer", "lion", '"adam"')),
    "a rate of 0": ("epochs = 1", "tables = { learning_rate = 0.0 }", ("learning_rate",)),
    "a key of another optimizer": ("epochs = 1", 'tables = { optimizer = "sgd", l1 = 1.0 }', ('"sgd" has no l1',)),
    "a rate that is NaN": ("epochs = 1", "dense = { learning_rate = nan }", ("learning_rate",)),
    "an unknown precision": ("epochs = 1", 'precision = "float16"', ("precision", "float16")),
    "unknown kernels": ("epochs = 1", 'kernels = "cuda"', ("kernels", "cuda")),
    "no threads": ("epochs = 1", "threads = 0", ("threads = 0",)),
    "no negatives": ("epochs = 1", "keep_negatives = 0", ("keep_negatives = 0.0 must lie in (0, 1]",)),
    "an unknown loss": ("epochs = 1", 'loss = { kind = "hinge" }', ("kind", "hinge", '"focal"')),
    "a key of another loss": ("epochs = 1", "loss = { gamma = 1 }", ('gamma belongs to kind "focal"', '"bce"')),
    "an unknown key of the loss": ("epochs = 1", "loss = { gama = 1 }", ('unknown key "gama"', '"gamma"')),
    "a positive weight of 0": ("epochs = 1", "loss = { positive_weight = 0 }", ("positive_weight = 0.0",)),
    "nothing to calibrate": ("epochs = 1", "loss = { calibrated = false }", ("needs a positive_weight",)),
    "labels all smooth": ("epochs = 1", "loss = { label_smoothing = 1 }", ("label_smoothing = 1.0",)),
    "a negative gamma": ("epochs = 1", 'loss = { kind = "focal", gamma = -1 }', ("gamma = -1.0",)),
    "an alpha of 1": ("epochs = 1", 'loss = { kind = "focal", alpha = 1 }', ("alpha = 1.0",)),
    "more pairs than loss": ("epochs = 1", 'loss = { kind = "bpr", bpr_weight = 2 }', ("bpr_weight = 2.0",)),
    "pairs without groups": ("epochs = 1", 'loss = { kind = "bpr" }', ("name the column of the group",)),
    "an unknown key of training": ("epochs = 1", "epoch = 1", ('"epoch"', '"epochs"')),
}
OVERRIDES = {
    "no equals sign": ("training.epochs", "section.key=value"),
    "no section": ("epochs=3", "section.key=value"),
    "an unknown key": ("training.epoch=3", '"epochs"'),
    "a wrong type": ("training.epochs=few", "whole number"),
    "below a value": ("data.train.path=1", '"train" is a value, not a section'),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "clicks.toml").write_text(RIGHT)
    return tmp_path


def test_the_experiment_before_it_is_wrong_trains(folder: Path) -> None:
    main(["train", "clicks.toml"])


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_experiment_is_refused(wrong: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    right, instead, words = WRONG[wrong]
    assert right is None or RIGHT.count(right) == 1
    (folder / "clicks.toml").write_text(instead if right is None else RIGHT.replace(right, instead))
    assert_refused(["train", "clicks.toml"], words, folder, capfd)


@pytest.mark.parametrize("wrong", OVERRIDES)
def test_a_wrong_override_is_refused(wrong: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    override, words = OVERRIDES[wrong]
    assert_refused(["train", "clicks.toml", "--set", override], (words,), folder, capfd)


@pytest.mark.parametrize("name", ["none.toml", ".", "rows.csv", "binary.toml"])
def test_what_is_no_experiment_is_refused(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "binary.toml").write_bytes(bytes(range(256)))
    assert_refused(["train", name], (name,), folder, capfd)
