"""Wrong data files, each with what is wrong with it: one message, exit code 2, nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wrong_files import ARROW, CSV, PARQUET, TSV, WRONG, ZSTD, experiment

from manyhot.cli import main
from refusals import assert_refused


@pytest.mark.parametrize(
    ("name", "raw"), [("t.parquet", PARQUET), ("t.arrow", ARROW), ("t.csv", CSV), ("t.tsv", TSV), ("t.csv.zst", ZSTD)]
)
def test_the_files_before_they_are_wrong_train(
    name: str, raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(raw)
    main(["train", str(experiment(tmp_path, name))])


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_refused(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name, raw, words, options = WRONG[wrong]
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(raw)
    words = tuple(word.replace("F", str(tmp_path / name), 1) if word.startswith("F") else word for word in words)
    assert_refused(["train", experiment(tmp_path, name, options)], words, tmp_path, capfd)


PLACES: dict[str, tuple[Callable[[Path], Any], str, tuple[str, ...]]] = {
    "no such file": (lambda folder: None, "t.csv", ("t.csv: there is no such file",)),
    "a pattern that fits nothing": (lambda folder: None, "*.parquet", ("*.parquet: there is no such file",)),
    "a folder without files": (lambda folder: (folder / "rows").mkdir(), "rows", ("rows: the folder holds no file",)),
    "a folder of other files": (
        lambda folder: [(folder / "rows").mkdir(), (folder / "rows/a.xlsx").touch()],
        "rows",
        ("rows: the folder holds no file",),
    ),
    "a folder with the name of a file": (
        lambda folder: (folder / "t.csv").mkdir(),
        "t.csv",
        ("t.csv: the folder holds no file",),
    ),
    "a pipe": (lambda folder: os.mkfifo(folder / "t.csv"), "t.csv", ("t.csv: is not a regular file",)),
    "a link to nowhere": (
        lambda folder: (folder / "t.csv").symlink_to("gone.csv"),
        "t.csv",
        ("t.csv: there is no such file",),
    ),
    "a name too long": (lambda folder: None, "t" * 300 + ".csv", (".csv",)),
    "a folder of which one file is wrong": (
        lambda folder: [
            (folder / "rows").mkdir(),
            (folder / "rows/a.csv").write_bytes(CSV),
            (folder / "rows/b.csv").write_bytes(CSV[:4]),
        ],
        "rows",
        ("b.csv: column", "is missing"),
    ),
}


@pytest.mark.parametrize("wrong", PLACES)
def test_a_wrong_place_is_refused(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make, name, words = PLACES[wrong]
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    assert_refused(["train", experiment(tmp_path, name)], words, tmp_path, capfd)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_bytes(CSV)
    (tmp_path / "t.csv").chmod(0)
    assert_refused(["train", experiment(tmp_path, "t.csv")], ("t.csv: cannot read it as CSV",), tmp_path, capfd)
