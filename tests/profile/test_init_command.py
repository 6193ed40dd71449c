"""The command: what it prints, writes and refuses."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from init_rows import bags, command, label, words

from manyhot.schema import load_experiment

ROWS = 400


@pytest.fixture
def folder(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    clicked = label(rng, ROWS)
    tokens = words(rng, 30)
    rows = pa.table(
        {
            "clicked": clicked,
            "not_clicked": 1 - clicked,
            "apps": [",".join(f"{t}:0.5" for t in dict.fromkeys(bag)) for bag in bags(rng, tokens, ROWS)],
            "candidate": rng.choice(tokens, ROWS),
            "visits": np.floor(rng.lognormal(2, 1.5, ROWS)).astype(int),
            "id": np.arange(ROWS),
        }
    )
    pacsv.write_csv(rows, tmp_path / "rows.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_and_a_file(folder):
    code, out, err = command("init", "rows.csv")
    assert code == 0, err
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "label" in rows["clicked"] and "left out" in rows["not_clicked"] and "left out" in rows["id"]
    assert 'parted by "," and ":"' in rows["apps"] and "log2_bucket" in rows["visits"]
    assert "vocabulary of candidate" in " ".join(out.split())
    assert "manyhot train experiment.toml" in out
    assert err == "warning: not_clicked is 1 - clicked, so it tells the label; it is left out\n"
    code, out, err = command("train", "experiment.toml", "--out", "out")
    assert code == 0, err


def test_json_says_the_same(folder):
    code, out, _ = command("init", "rows.csv", "--json", "--out", "a.toml")
    said = json.loads(out)
    assert code == 0 and said["label"] == "clicked" and said["rows"] == ROWS and said["all_rows"] is True
    assert {row["column"] for row in said["columns"]} == {*said["schema"]["fields"], "clicked", "not_clicked", "id"}
    assert said["experiment"] == "a.toml"


def test_an_existing_file_is_kept_unless_forced(folder):
    (folder / "experiment.toml").write_text("mine")
    code, out, err = command("init", "rows.csv")
    assert code == 2 and "experiment.toml: is there already" in err and "--force" in err and out == ""
    assert (folder / "experiment.toml").read_text() == "mine"
    assert command("init", "rows.csv", "--force")[0] == 0
    assert "[fields.apps]" in (folder / "experiment.toml").read_text()


@pytest.mark.parametrize("by", ["time", "fraction"])
def test_rows_are_kept_apart_by_time_or_else_by_chance(folder, by):
    rows = pacsv.read_csv("rows.csv")
    if by == "time":
        rows = rows.append_column("seen_at", pa.array(1_500_000_000 + 7 * np.arange(ROWS)))
    pacsv.write_csv(rows, "rows.csv")
    assert command("init", "rows.csv")[0] == 0
    experiment = load_experiment("experiment.toml")
    assert experiment.data.split.by == by and experiment.data.time == ("seen_at" if by == "time" else None)
    code, _, err = command("train", "experiment.toml", "--out", "out")
    assert code == 0, err
    assert set(json.loads((folder / "out/metrics.json").read_text())["valid"]) >= {"auc", "log_loss"}


@pytest.mark.parametrize(
    ("arguments", "words_"),
    [
        (("nowhere.csv",), ["nowhere.csv", "no such file"]),
        (("rows.csv", "--label", "clickd"), ["--label", '"clickd"', '"clicked"']),
        (("rows.csv", "--label", "candidate"), ["rows.csv", "none can be the label"]),
        (("empty.csv",), ["empty.csv"]),
        (("header.csv",), ["header.csv", "no rows"]),
        (("only.csv",), ["only.csv", "no column is left", "identifies"]),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(folder, arguments, words_):
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("a,b\n")
    (folder / "only.csv").write_text("label,id\n" + "".join(f"{i % 2},x{i:05d}\n" for i in range(200)))
    before = set(folder.iterdir())
    code, out, err = command("init", *arguments)
    assert code == 2 and out == "" and set(folder.iterdir()) == before
    assert all(word in err for word in words_), err
    assert err.startswith("manyhot: ") and err.count("\n") == 1
