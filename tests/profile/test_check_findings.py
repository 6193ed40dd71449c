"""What check says: each kind of finding, on data made to have it, and silence on data that has nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from experiments import TRAINING, checked, findings

import manyhot.data._memory as memory_module

RNG = random.Random(8)


def labels(count: int, rate: float = 0.3) -> list[int]:
    return [int(RNG.random() < rate) for _ in range(count)]


def tokens(count: int, most: int = 20, first: int = 0) -> list[str]:
    return [f"t{first + RNG.randrange(most)}" for _ in range(count)]


def part(count: int = 1000, **columns: list[Any]) -> dict[str, list[Any]]:
    return {"a": tokens(count), "y": labels(count), **columns}


def test_nothing_to_complain_of(tmp_path: Path) -> None:
    fields = "[fields.a]\n[fields.b]\n[fields.age]\nnumeric = []\n"
    parts = {
        name: part(b=tokens(1000, 900), age=[RNG.uniform(1, 2) for _ in range(1000)])
        for name in ("train", "valid", "test")
    }
    report = checked(tmp_path, fields, **parts)
    assert [f for f in report.findings if f.kind not in ("oov",)] == []


@pytest.mark.parametrize(
    ("option", "severity"),
    [
        ('early_stopping = { metric = "auc" }\n', "error"),
        ('early_stopping = { metric = "pr_auc" }\n', "error"),
        ('early_stopping = { metric = "log_loss" }\n', "warning"),
        ('calibration = "platt"\n', "error"),
        ("", "warning"),
    ],
)
def test_one_class(tmp_path: Path, option: str, severity: str) -> None:
    report = checked(tmp_path, "[fields.a]\n", train=part(), valid=part(y=[1] * 1000), training=TRAINING + option)
    assert [(f.severity, f.where) for f in findings(report, "one_class")] == [(severity, "valid")]
    report = checked(tmp_path, "[fields.a]\n", train=part(y=[0] * 1000))
    (error,) = report.findings
    assert (error.severity, error.kind, error.where) == ("error", "one_class", "train")
    assert "all 1,000 labels are 0" in error.text and '"y"' in error.text


def test_no_rows(tmp_path: Path) -> None:
    empty = {name: pa.array([], kind) for name, kind in (("a", pa.string()), ("y", pa.int64()))}
    report = checked(tmp_path, "[fields.a]\n", train=part(), test=empty)
    assert [(f.kind, f.where) for f in report.findings] == [("no_rows", "test")]
    report = checked(tmp_path, "[fields.a]\n", train=empty, valid=part())
    said = next(f for f in report.findings if f.where == "train")
    assert said.severity == "error" and "there are no rows to learn from" in said.text
    assert report.has_errors and report.time is None


def test_label_rates_that_differ(tmp_path: Path) -> None:
    files = [part(), part(), part(y=labels(1000, 0.01))]
    report = checked(tmp_path, "[fields.a]\n", train=files, valid=part(y=labels(1000, 0.8)))
    said = {f.where: f.text for f in findings(report, "label_rate")}
    assert said.keys() == {"train", "valid"} and "train-2.parquet" in said["train"]
    chance = [part(9, y=[0] * 9), part(1000), part(9, y=[1] * 5 + [0] * 4)]
    assert findings(checked(tmp_path, "[fields.a]\n", train=chance), "label_rate") == []


def test_words_for_nothing(tmp_path: Path) -> None:
    words = [*["NULL"] * 30, *["-"] * 2, *tokens(968)]
    lists = [["\\N"] if i % 50 == 0 else tokens(2) for i in range(1000)]
    both = [RNG.choice(["nan", "x"]) for _ in range(1000)]
    fields = '[fields.a]\n[fields.b]\n[fields.c]\ncolumns = ["d", "a2"]\n'
    train = part(a=words, b=lists, d=both, a2=tokens(1000))
    said = {
        (f.severity, f.where, f.text.split('"')[1])
        for f in findings(checked(tmp_path, fields, train=train), "null_words")
    }
    assert said == {
        ("warning", "a", "NULL"),
        ("note", "a", "-"),
        ("warning", "b", "\\N"),
        ("warning", "c", "d/nan"),
    }


def test_columns_that_change_between_train_and_valid(tmp_path: Path) -> None:
    train = part(b=tokens(1000), c=tokens(1000))
    valid = part(b=tokens(1000, first=15), c=[None if RNG.random() < 0.5 else t for t in tokens(1000)])
    report = checked(tmp_path, "[fields.a]\n[fields.b]\n[fields.c]\n", train=train, valid=valid)
    assert [(f.severity, f.kind, f.where) for f in report.findings if f.kind != "repeated_rows"] == [
        ("warning", "oov", "b"),
        ("warning", "emptiness", "c"),
    ]


def test_columns_that_say_nothing(tmp_path: Path) -> None:
    fields = """
    [vocabularies.rare]
    min_count = 1000
    [fields.a]
    [fields.nothing]
    [fields.same]
    [fields.rare]
    [fields.number]
    numeric = []
    [fields.many]
    columns = ["m", "n"]
    """
    train = part(
        nothing=[None] * 999 + [""],
        same=["x"] * 1000,
        rare=tokens(1000),
        number=[3] * 1000,
        m=tokens(1000),
        n=["x"] * 1000,
    )
    report = checked(tmp_path, fields, train=train)
    said = {(f.kind, f.where) for f in report.findings if f.kind in ("always_empty", "constant", "oov")}
    assert said == {
        ("always_empty", "nothing"),
        ("constant", "same"),
        ("oov", "rare"),
        ("constant", "number"),
        ("constant", "many"),
    }
    assert 'column "n"' in next(f.text for f in report.findings if f.where == "many")
    assert not report.has_errors


def test_numbers_far_from_the_others(tmp_path: Path) -> None:
    fields = """
    [fields.wild]
    numeric = []
    [fields.tamed]
    column = "wild"
    numeric = ["clip(0, 10)"]
    [fields.bucket]
    column = "wild"
    numeric = ["quantile_bucket(5)"]
    [fields.bag]
    weights = "minutes"
    """
    wild = [*[RNG.uniform(1, 5) for _ in range(998)], 1e7, 2e7]
    minutes = [[RNG.uniform(1, 5), 1e6 if i == 7 else 1.0] for i in range(1000)]
    report = checked(tmp_path, fields, train=part(wild=wild, bag=[tokens(2) for _ in range(1000)], minutes=minutes))
    assert {f.where for f in findings(report, "far_numbers")} == {"wild", "bag"}
    assert "2e+07" in findings(report, "far_numbers")[0].text


def test_bags_much_longer_than_others(tmp_path: Path) -> None:
    bags = [tokens(3) for _ in range(999)] + [tokens(5000)]
    report = checked(tmp_path, "[fields.b]\n", train=part(b=bags))
    assert [(f.severity, f.where) for f in findings(report, "long_bags")] == [("note", "b")]


@pytest.mark.parametrize(
    ("options", "severity"), [("min_count = 8", "note"), ("min_count = 20\nmax_size = 5", "warning")]
)
def test_what_a_vocabulary_cuts(tmp_path: Path, options: str, severity: str) -> None:
    column = [f"t{int(200 * RNG.random() ** 2)}" for _ in range(1500)]
    fields = f'[vocabularies.v]\n{options}\n[fields.a]\nvocabulary = "v"\n'
    report = checked(tmp_path, fields, train=part(1500, a=column))
    (finding,) = findings(report, "cut_tokens")
    assert (finding.severity, finding.where) == (severity, "v")
    assert f"{report.vocabularies['v'].cut:,} of" in finding.text


@pytest.mark.parametrize(("free", "kind"), [(1, "training"), (70, "memory"), (84, "memory"), (300, None)])
def test_memory_against_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, kind: str | None
) -> None:
    """1,001 rows of 64 bytes and their copy of 20; twice 1,000 encoded rows beside them."""
    (tmp_path / "meminfo").write_text(f"MemAvailable: {free} kB\n")
    monkeypatch.setattr(memory_module, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory_module, "_CGROUP", tmp_path)
    training = '[model]\nname = "fm"\nembedding_dim = 4\n[training]\nepochs = 2\nearly_stopping = {}\n'
    parts = {name: part(a=[f"t{i}" for i in range(1000)]) for name in ("train", "valid")}
    report = checked(tmp_path, "[fields.a]\n", **parts, training=training)
    assert report.memory is not None
    assert (report.memory.table_rows, report.memory.tables, report.memory.best_copy) == (1001, 1001 * 64, 1001 * 20)
    assert 2000 * 12 <= report.memory.examples < 2000 * 17
    said = [f for f in report.findings if f.kind in ("training", "memory")]
    assert [f.kind for f in said] == ([] if kind is None else [kind])
    assert [f.severity for f in said] == {1: ["error"], 70: ["warning"], 84: ["note"], 300: []}[free]
    assert (report.time is None) == (kind == "training")


def test_averages_take_memory_too(tmp_path: Path) -> None:
    training = '[model]\nname = "fm"\nembedding_dim = 4\n[training]\naveraging = {}\n'
    report = checked(tmp_path, "[fields.a]\n", train=part(a=[f"t{i}" for i in range(1000)]), training=training)
    assert report.memory is not None
    assert report.memory.averages == 1001 * (2 * 20 + 8)  # they, the copy beside them, and when a row last moved


def test_a_sample_of_weighted_rows_of_groups_is_trained_on(tmp_path: Path) -> None:
    """More rows than the sample holds, so that blocks are cut out of chunks."""
    size = 6000
    columns: dict[str, list[Any]] = {"w": [1 + i % 3 for i in range(size)], "u": [i // 8 for i in range(size)]}
    training = '[model]\nname = "lr"\n[training]\nbatch_size = 16\nkeep_negatives = 0.5\nloss = { kind = "bpr" }\n'
    report = checked(
        tmp_path,
        "[fields.a]\n",
        train=part(size, **columns),
        training=training,
        data='example_weights = "w"\ngroup = "u"\n',
    )
    assert report.time is not None and report.time.seconds > 0


def test_time_comes_from_steps_of_training(tmp_path: Path) -> None:
    training = '[model]\nname = "fm"\n[training]\nbatch_size = 50\nepochs = 7\nvalidate_every = 10\n'
    time = checked(tmp_path, "[fields.a]\n", train=part(5000), valid=part(2000), training=training).time
    assert time is not None and 20 <= time.steps <= 40
    assert time.examples_per_second > 0 and time.valid_examples_per_second
    train_seconds = 5000 / time.examples_per_second
    looks_at_valid = 5000 / 50 / 10 * 2000 / time.valid_examples_per_second
    assert time.seconds_an_epoch == pytest.approx(train_seconds + looks_at_valid)
    assert time.seconds == pytest.approx(7 * time.seconds_an_epoch)


def test_a_loss_that_explodes_within_the_steps_is_told(tmp_path: Path) -> None:
    training = TRAINING + 'tables = { optimizer = "sgd", learning_rate = 1e38 }\n'
    fields = "[fields.a]\n[fields.n]\nnumeric = []\n"
    report = checked(tmp_path, fields, train=part(n=[1e6 * RNG.random() for _ in range(1000)]), training=training)
    (finding,) = findings(report, "training")
    assert finding.severity == "error" and "learning rates" in finding.text
