"""manyhot train with bad rows: counts are always told, rejects.parquet names the rows that were left out."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from manyhot.cli import main

EXPERIMENT = """
[data]
train = "train.tsv"
valid = "valid.tsv"
label = "y"
columns = ["y", "apps", "age"]
[fields.apps]
separators = { weight = ":" }
[fields.age]
numeric = ["log1p", "minmax"]
[model]
name = "lr"
[training]
epochs = 1
"""


def lines(count: int, bad: dict[int, str]) -> str:
    """TSV of good rows, but those lines (from 1)."""
    draw = random.Random(count)
    good = (f"{draw.randrange(2)}\tt{draw.randrange(9)}:0.5\t{draw.randrange(60)}" for _ in range(count))
    return "".join(bad.get(number, line) + "\n" for number, line in enumerate(good, 1))


BAD = {"train": {5: "2\ta:1\t3", 6: "1\ta:x\t3", 90: "1\ta:1"}, "valid": {1: "1\ta:1\tforty", 2: "1\ta:1\t-1"}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clicks.toml").write_text(EXPERIMENT)
    for name, bad in BAD.items():
        (tmp_path / f"{name}.tsv").write_text(lines(100, bad))
    return tmp_path


def test_counts_and_rejects_come_from_the_pass_and_from_the_cache(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for made in ("encoded", "reused"):
        main(["train", "clicks.toml", "--out", "out", "--set", "data.max_bad_rows=3"])
        said = capsys.readouterr()
        assert f"train {made}: 97 examples of 100 rows (3 rejected), " in said.err
        assert f"valid {made}: 98 examples of 100 rows (2 rejected), " in said.err
        assert "rows left out: out/rejects.parquet\n" in said.out
        rejects = pq.read_table("out/rejects.parquet").to_pylist()
        assert [(row["part"], row["line"], row["text"]) for row in rejects] == [
            (part, line, text) for part, bad in BAD.items() for line, text in bad.items()
        ]
        assert {row["origin"] for row in rejects} == {f"{name}.tsv" for name in BAD}
        assert "neither 0 nor 1" in rejects[0]["reason"]
    main(["inspect", "out/model.manyhot", "--as-json"])
    rows = json.loads(capsys.readouterr().out)["summary"]["rows"]
    assert rows == {"train": {"read": 100, "rejected": 3}, "valid": {"read": 100, "rejected": 2}}


def test_more_than_the_limit_is_an_error_that_names_them_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    for limit, words in (
        ("max_bad_rows=2", "max_bad_rows = 2"),
        ("max_bad_fraction=0.025", "max_bad_fraction = 0.025"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["train", "clicks.toml", "--set", f"data.{limit}"])
        said = capsys.readouterr().err
        assert caught.value.code == 2
        assert f"3 of 100 rows are bad (97 are good), more than {words} bears" in said
        assert [f"train.tsv:{line}: " in said for line in BAD["train"]] == [True] * 3
        assert sorted(folder.rglob("*")) == before


def test_a_later_run_without_bad_rows_takes_the_old_rejects_away(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", "clicks.toml", "--out", "out", "--set", "data.max_bad_fraction=0.03"])
    assert (folder / "out/rejects.parquet").exists()
    for name in BAD:
        (folder / f"{name}.tsv").write_text(lines(100, {}))
    capsys.readouterr()
    main(["train", "clicks.toml", "--out", "out"])
    assert "train encoded: 100 examples of 100 rows (0 rejected), " in capsys.readouterr().err
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["log.jsonl", "metrics.json", "model.manyhot"]


def test_the_model_is_the_one_of_the_good_rows_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "clicks.toml", "--out", "some", "--set", "data.max_bad_rows=9", "--set", "training.threads=1"])
    for name, bad in BAD.items():
        kept = [line for number, line in enumerate(lines(100, {}).splitlines(True), 1) if number not in bad]
        (folder / f"{name}.tsv").write_text("".join(kept))
    main(["train", "clicks.toml", "--out", "all", "--set", "training.threads=1"])
    metrics = [json.loads((folder / out / "metrics.json").read_text())["valid"] for out in ("some", "all")]
    assert metrics[0] == metrics[1]


def test_rows_that_only_learned_numbers_make_bad_are_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = 'fields.age.numeric=["standardize","log1p"]'
    with pytest.raises(SystemExit):
        main(["train", "clicks.toml", "--set", "data.max_bad_rows=99", "--set", steps])
    assert "rows are bad only by numbers that were learned from them" in capsys.readouterr().err
