"""`manyhot check`, as a user runs it: tables, --json, exit codes, all errors at once, and the cache training uses."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from experiments import write

from manyhot.cli import main
from manyhot.cli._output import console

FIELDS = '[fields.apps]\nseparators = { pair = ",", weight = ":" }\n[fields.city]\n[fields.age]\nnumeric = ["log1p"]\n'


def rows(seed: int, count: int = 500) -> dict[str, list[Any]]:
    rng = random.Random(seed)
    bags = [[f"app{rng.randrange(30)}:{rng.choice([1, 2.5])}" for _ in range(rng.randrange(4))] for _ in range(count)]
    return {
        "apps": [",".join(bag) for bag in bags],
        "city": [f"city{rng.randrange(5)}" for _ in range(count)],
        "age": [rng.uniform(15, 70) for _ in range(count)],
        "y": [int(rng.random() < 0.4) for _ in range(count)],
    }


def run(*arguments: Any) -> int:
    """The exit code of a command in this process."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_what_is_printed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, FIELDS, train=[rows(1), rows(2)], valid=rows(3), test=rows(4))
    for width in (80, 120):
        monkeypatch.setattr(console, "_width", width)
        assert run("check", path, "--cache", cache) == 0
        printed = capsys.readouterr()
        lines = printed.out.splitlines()
        assert max(map(len, lines)) <= width
        words = [line.split() for line in lines if line.strip()]
        for start in (["train", "1,000", "0"], ["valid", "500", "0"], ["files", "of", "train"], ["apps"], ["memory"]):
            assert any(line[: len(start)] == start for line in words), start
        assert "examples/s" in printed.out and "nothing to complain of" in printed.out
        assert "reading train" in printed.err


def test_json_holds_everything(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, FIELDS, train=[rows(1), rows(2)], valid=rows(3))
    assert run("check", path, "--cache", cache, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said.keys() == {"parts", "vocabularies", "columns", "repeats", "memory", "time", "findings"}
    assert said["parts"]["train"]["rows"] == 1000 and len(said["parts"]["train"]["files"]) == 2
    assert said["parts"]["valid"]["fields"].keys() == {"apps", "city", "age"}
    assert said["parts"]["train"]["fields"]["apps"]["numbers"]["weights"]["high"] == 2.5
    assert said["vocabularies"]["city"] | {"cut": 0, "distinct": 5, "size": 6} == said["vocabularies"]["city"]
    assert {column["column"] for column in said["columns"]} == {"apps", "weights", "city", "age"}
    assert said["memory"]["tables"] > 0 and said["time"]["examples_per_second"] > 0


def test_training_starts_from_what_check_has_encoded(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With preset "article", which changes the schema that rows are encoded by."""
    training = '[model]\nname = "lr"\npreset = "article"\n[training]\nepochs = 1\n'
    path = write(tmp_path, FIELDS, training=training, train=rows(1), valid=rows(3))
    assert run("check", path, "--cache", cache) == 0
    made = sorted(p.name for p in cache.iterdir())
    capsys.readouterr()
    assert run("train", path, "--cache", cache, "--out", tmp_path / "out") == 0
    assert capsys.readouterr().err.count("reused") == 3
    assert sorted(p.name for p in cache.iterdir()) == made


def test_a_second_check_says_the_same_from_the_cache(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = "[vocabularies.apps]\nmin_count = 40\n"
    fields += FIELDS.replace("[fields.city]\n", '[fields.city]\nmissing = "oov"\n')
    train = rows(1)
    train["city"][::3] = [None] * len(train["city"][::3])
    path = write(tmp_path, fields, train=[train, rows(2)], valid=rows(3))
    reports = []
    for _ in range(2):
        assert run("check", path, "--cache", cache, "--json") == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0]["parts"]["train"].pop("seconds") > 0 and reports[0]["parts"]["valid"].pop("seconds") > 0
    assert reports[1]["parts"]["train"].pop("seconds") is None and reports[1]["parts"]["valid"].pop("seconds") is None
    for report in reports:
        report.pop("time")
        report["memory"].pop("free")
    assert reports[0] == reports[1]
    assert reports[0]["parts"]["train"]["fields"]["city"]["empty_share"] == pytest.approx(167 / 1000)
    assert reports[0]["vocabularies"]["apps"]["cut"] > 0


def test_every_bad_row_of_every_part_is_told(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, valid = rows(1), rows(2)
    for row in (3, 5, 8):
        train["apps"][row] = "app1:many"
    for row in range(100, 120):
        train["y"][row] = 2
    valid["apps"][7] = "app1:2,app3"
    path = write(tmp_path, FIELDS, train=train, valid=valid, test=rows(3))
    assert run("check", path, "--cache", cache) == 1
    printed = capsys.readouterr().out
    assert "23 of 500 rows are bad" in printed and "1 of 500 rows are bad" in printed
    lines = [line.strip() for line in printed.splitlines() if "parquet, row" in line]
    assert len(lines) == 10 + 1
    assert all(f"row {row}:" in line for row, line in zip((4, 6, 9, *range(101, 108)), lines, strict=False))
    assert "... and 13 more" in printed and "without a weight" in lines[-1]
    assert run("check", path, "--cache", cache, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["parts"]["train"]["rejected"], said["parts"]["valid"]["rejected"]) == (23, 1)
    assert [f["where"] for f in said["findings"] if f["kind"] == "bad_rows"] == ["train", "valid"]


def test_every_missing_column_and_file_is_told(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, valid = rows(1), rows(2)
    del train["age"], train["city"], valid["y"]
    path = write(tmp_path, FIELDS, train=train, valid=valid)
    assert run("check", path, "--cache", cache, "--set", "data.test=nowhere.parquet", "--json") == 1
    said = json.loads(capsys.readouterr().out)["findings"]
    assert [(f["kind"], f["where"]) for f in said] == [
        ("missing_column", "train"),
        ("missing_column", "train"),
        ("missing_column", "valid"),
        ("unreadable", "test"),
    ]
    assert "nowhere.parquet" in said[-1]["text"] and '"age"' in said[1]["text"]


def test_an_error_is_exit_code_1_and_a_warning_is_not(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leak = rows(1)
    leak["city"] = [f"city{y}" for y in leak["y"]]
    assert run("check", write(tmp_path, FIELDS, train=leak), "--cache", cache) == 1
    printed = capsys.readouterr().out
    assert "city: it alone tells the label" in " ".join(printed.split()) and "1 error" in printed
    named = rows(1)
    named["city"] = [f"city{i}" for i in range(500)]
    assert run("check", write(tmp_path, FIELDS, train=named), "--cache", cache) == 0
    assert "identifies the row" in " ".join(capsys.readouterr().out.split())
    one_class = rows(1)
    one_class["y"] = [0] * 500
    assert run("check", write(tmp_path, FIELDS, train=one_class), "--cache", cache) == 1
    assert "nothing to learn" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("training.epoch=3", ['"epoch"', '"epochs"']),
        ("training.early_stopping={}", ["early_stopping", "valid"]),
        ('fields.age.numeric=["logp"]', ["logp"]),
    ],
)
def test_a_broken_experiment_is_one_sentence_and_exit_code_2(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str], change: str, words: list[str]
) -> None:
    path = write(tmp_path, FIELDS, train=rows(1))
    assert run("check", path, "--cache", cache, "--set", change) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1
    assert all(word in printed.err for word in words)
    assert not cache.exists()


def test_many_alike_findings_are_told_together(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"f{i}" for i in range(9)]
    train = {**{name: ["same"] * 50 for name in names}, "y": [0, 1] * 25}
    path = write(tmp_path, "".join(f"[fields.{name}]\n" for name in names), train=train)
    assert run("check", path, "--cache", cache) == 0
    printed = capsys.readouterr().out
    assert printed.count("holds the same token") == 3
    assert "and 6 more like these: f3, f4, f5, f6, f7, f8" in printed and "9 warnings" in printed
