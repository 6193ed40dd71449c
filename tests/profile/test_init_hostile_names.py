"""Names and values of strangers' files reach the experiment file and the terminal as text and nothing else."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from init_rows import command, label

from manyhot.errors import DataError
from manyhot.profile import Finding, propose, to_toml
from manyhot.schema import load_experiment

ROWS = 200
SQL = "SELECT * FROM read_text('/etc/hostname')"
HOSTILE = {
    "line feed": f'label\ntest = "{SQL}"\n#',
    "carriage return": f'label\rtest = "{SQL}"\r#',
    "both": f'label\r\n[data]\r\ntest = "{SQL}"\r\n#',
    "escape": "label\x1b]0;owned\x07\x1b[2J",
    "one-byte escape": "label\x9b2J",
    "line separator": f'label\u2028test = "{SQL}"\u2029#',
    "next line": f'label\x85test = "{SQL}"\x0b\x0c#',
    "quotes": f'label" \n"""\ntest = "{SQL}"',
    "backslashes": 'label\\\\" \\n\\u0022\\',
    "single quotes": "label''' ' test = 1",
    "hash": 'label # "x" #',
    "brackets": "label] [data.split] }{",
    "delete": "label\x7f\x01",
    "right to left": "label\u202e#\u2066",
    "equals": "label.x = [1]",
}
KEYS = {"data": {"train", "split", "label"}, "model": {"name", "embedding_dim", "hidden_units"}, "training": set()}


def hostile_table(name: str, role: str) -> pa.Table:
    """The name as that of the label, of a field, of one left out, and so on."""
    rng = np.random.default_rng(1)
    clicks = label(rng, ROWS)
    city, rating = rng.choice(["a", "b", "c"], ROWS), rng.integers(1, 6, ROWS)
    columns = {
        "the label": {name: clicks, "city": city},
        "a field": {"label": clicks, name: city},
        "gaps": {"label": clicks, "city": city, name: [None if r == 1 else "x" if r == 2 else "NULL" for r in rating]},
        "left out": {"label": clicks, "city": city, name: ["x\n[data]\ntest = 1"] * ROWS},
        "leak": {"label": clicks, "city": city, name: ["yes" if click else "no" for click in clicks]},
        "leak of": {name: clicks, "city": city, "other": ["yes" if click else "no" for click in clicks]},
        "number": {"label": clicks, "city": city, name: rng.lognormal(2, 2, ROWS)},
        "weights": {"label": clicks, "apps": [["a", "b"]] * ROWS, name: [[0.5, 1.5]] * ROWS},
        "shared": {
            "label": clicks,
            "apps": [list(rng.choice([f"app{i}" for i in range(40)], 3)) for _ in range(ROWS)],
            name: [list(rng.choice([f"app{i}" for i in range(30)], 3)) for _ in range(ROWS)],
        },
        "a rating": {f"rating {name}": rating, "city": city},
        "of words": {name: np.where(clicks == 1, "yes", "no"), "city": city},
    }
    return pa.table(columns[role])


@pytest.mark.parametrize(
    "role",
    [
        *("the label", "a field", "gaps", "left out", "leak", "leak of"),
        *("number", "weights", "shared", "a rating", "of words"),
    ],
)
@pytest.mark.parametrize("kind", HOSTILE)
def test_the_experiment_has_just_the_keys_that_were_meant(kind: str, role: str, tmp_path: Path) -> None:
    name = HOSTILE[kind]
    pq.write_table(hostile_table(name, role), tmp_path / "rows.parquet")
    proposal = propose(["rows.parquet"], tmp_path)
    path = tmp_path / "a.toml"
    path.write_text(text := to_toml(proposal, path), encoding="utf-8")
    assert all(map(str.isprintable, text.split("\n")))
    read = tomllib.loads(text)
    assert read.keys() - {"vocabularies"} == {"data", "fields", "model", "training"}
    assert {section: set(read[section]) for section in KEYS} == KEYS
    assert set(read["fields"]) == {proposed.field.name for proposed in proposal.fields}
    assert load_experiment(path).schema == proposal.schema
    said = [*proposal.left_out.values(), *proposal.warnings, proposal.label.why]
    assert all(map(str.isprintable, said)), said


def test_a_header_of_csv_adds_no_key(tmp_path: Path) -> None:
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "city", HOSTILE["line feed"]])  # the last one is left out, as a comment says
        writer.writerows([click, "ab"[i % 2], "same"] for i, click in enumerate(label(np.random.default_rng(1), ROWS)))
    code, _, err = command("init", tmp_path / "rows.csv", "--out", tmp_path / "a.toml")
    assert code == 0, err
    read = tomllib.loads((tmp_path / "a.toml").read_text(encoding="utf-8"))
    assert set(read["data"]) == KEYS["data"]
    assert read["data"]["label"] == "label"
    assert read["fields"] == {"city": {}}


def refused(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        propose([name], tmp_path)
    return str(caught.value)


@pytest.mark.parametrize("rows", [1, 1000, 3000])
@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.jsonl"])
def test_nothing_but_empty_lines_is_one_sentence(rows: int, name: str, tmp_path: Path) -> None:
    assert "lines are empty" in refused(tmp_path, name, "\n" * rows)


def test_a_line_nested_too_deeply_is_a_bad_row(tmp_path: Path) -> None:
    deep = f'{{"y": 1, "a": {"[" * 100_000}{"]" * 100_000}}}\n'
    assert "nested too deeply" in str(refused(tmp_path, "deep.jsonl", deep))
    (tmp_path / "t.jsonl").write_text(deep + '{"y": 1, "a": "x"}\n{"y": 0, "a": "z"}\n{"y": 1, "a": "z"}\n' * 20)
    assert "nested too deeply" in propose(["t.jsonl"], tmp_path).warnings[0]


@pytest.mark.parametrize("key", ["\ud800", "\x00", "a\nb", 'a"b', "a\\b", "\x1b[2J"])
def test_a_key_that_cannot_be_read_is_one_sentence(key: str, tmp_path: Path) -> None:
    rows = "".join(json.dumps({"y": i % 2, key: i % 3}) + "\n" for i in range(20))
    said = refused(tmp_path, "t.jsonl", rows)
    assert f"the key {json.dumps(key)} cannot be read" in said


def test_a_long_text_is_read_as_training_reads_it(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)
    rows = "".join(f"{i % 2},{'ab'[i % 3 % 2]},{'x' * 200_000 if i == 5 else i % 4}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"y,city,text\n{rows}")
    assert [column.name for column in propose(["t.csv"], tmp_path).columns] == ["y", "city", "text"]


def test_findings_are_lines_of_their_own() -> None:
    assert Finding("note", "oov", "train", 'field "a\nb\x1b[2J"').text == 'field "a\\nb\\x1b[2J"'
