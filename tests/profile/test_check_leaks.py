"""Columns that alone tell the label are found, whatever their kind; ids of rows and noise are not taken for them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiments import checked, findings

RNG = random.Random(5)
LABELS = [int(RNG.random() < 0.3) for _ in range(4000)]
N = len(LABELS)


def leaking(name: str) -> tuple[str, list[Any]]:
    """Keys of a field, and its column."""
    rng = random.Random(name)
    columns: dict[str, tuple[str, list[Any]]] = {
        "a token a class": ("", [f"t{y}" for y in LABELS]),
        "many tokens": ("", [f"t{y}-{rng.randrange(50)}" for y in LABELS]),
        "with a little noise": ("", [f"t{y if rng.random() < 0.995 else 1 - y}" for y in LABELS]),
        "filled after the click only": ("", ["seen" if y else None for y in LABELS]),
        "one token of a list": ("", [[f"n{rng.randrange(40)}", *(["bought"] if y else [])] for y in LABELS]),
        "a number": ("numeric = []", [rng.gauss(5 * y, 0.5) + 10 for y in LABELS]),
        "a number, within": ("numeric = []", [rng.uniform(4, 5) if y else rng.choice([1, 9]) for y in LABELS]),
        "a number where there is a click": ("numeric = []", [rng.random() + 1 if y else None for y in LABELS]),
        "a bucket": ('numeric = ["quantile_bucket(10)"]', [rng.gauss(5 * y, 0.5) for y in LABELS]),
        "text of a session": ("", [f"s{i // 8 * 2 + y}" for i, y in enumerate(LABELS)]),
    }
    return columns[name]


LEAKS = [
    "a token a class",
    "many tokens",
    "with a little noise",
    "filled after the click only",
    "one token of a list",
    "a number",
    "a number, within",
    "a number where there is a click",
    "a bucket",
    "text of a session",
]


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_an_error_that_names_the_field(tmp_path: Path, name: str) -> None:
    keys, column = leaking(name)
    noise = [f"n{RNG.randrange(20)}" for _ in LABELS]
    report = checked(
        tmp_path, f"[fields.leak]\n{keys}\n[fields.noise]\n", train={"leak": column, "noise": noise, "y": LABELS}
    )
    (finding,) = findings(report, "leak")
    assert (finding.severity, finding.where) == ("error", "leak") and "AUC" in finding.text
    assert report.has_errors
    aucs = {c.field: c.auc for c in report.columns}
    assert aucs["leak"] > 0.98 and abs(aucs["noise"] - 0.5) < 0.06


def innocent() -> dict[str, tuple[str, list[Any]]]:
    rng = random.Random(6)
    return {
        "row_id": ("", [f"id{i}" for i in range(N)]),
        "number_of_row": ("", [rng.randrange(10**12) for _ in range(N)]),
        "pairs_of_rows": ("", [f"p{i // 2}" for i in range(N)]),
        "constant": ("", ["same"] * N),
        "never": ("", [None] * (N - 1) + ["x"]),
        "value": ("numeric = []", [rng.gauss(0, 1) for _ in range(N)]),
        "list": ("", [[f"n{rng.randrange(4000)}" for _ in range(5)] for _ in range(N)]),
        "likely": ("", [f"t{y if rng.random() < 0.8 else 1 - y}" for y in LABELS]),
    }


def test_ids_of_rows_and_noise_are_no_leaks(tmp_path: Path) -> None:
    columns = innocent()
    fields = "".join(f"[fields.{name}]\n{keys}\n" for name, (keys, _) in columns.items())
    report = checked(tmp_path, fields, train={**{name: c for name, (_, c) in columns.items()}, "y": LABELS})
    assert findings(report, "leak") == []
    aucs = {c.field: c.auc for c in report.columns}
    assert 0.7 < aucs.pop("likely") < 0.9
    assert all(abs(auc - 0.5) < 0.06 for auc in aucs.values()), aucs
    assert {f.where for f in findings(report, "identifies_rows")} == {"row_id", "number_of_row"}
    assert {f.where for f in findings(report, "constant")} == {"constant"}
    assert not report.has_errors


@pytest.mark.parametrize("options", ["min_count = 2", "max_size = 50", "hash_buckets = 20_000"])
def test_ids_of_rows_are_named_whatever_becomes_of_their_tokens(tmp_path: Path, options: str) -> None:
    fields = f"[vocabularies.id]\n{options}\n[vocabularies.city]\n{options}\n[fields.id]\n[fields.city]\n"
    ids, cities = [f"id{i}" for i in range(N)], [f"c{RNG.randrange(1500)}" for _ in range(N)]
    report = checked(tmp_path, fields, train={"id": ids, "city": cities, "y": LABELS})
    (finding,) = findings(report, "identifies_rows")
    assert (finding.severity, finding.where) == ("warning", "id")
    assert findings(report, "leak") == []


def test_one_leaking_column_among_many_of_a_field(tmp_path: Path) -> None:
    columns = {f"c{i}": [f"t{RNG.randrange(30)}" for _ in LABELS] for i in range(5)}
    columns["c3"] = [f"t{y}" for y in LABELS]
    numbers = {f"n{i}": [RNG.gauss(1, 1) for _ in LABELS] for i in range(3)}
    numbers["n1"] = [y + 0.5 + RNG.random() / 4 for y in LABELS]
    fields = f"[fields.tokens]\ncolumns = {list(columns)}\n[fields.numbers]\ncolumns = {list(numbers)}\nnumeric = []\n"
    report = checked(tmp_path, fields, train={**columns, **numbers, "y": LABELS})
    said = {(f.where, f.text.split()[1]) for f in findings(report, "leak")}
    assert said == {("tokens", '"c3"'), ("numbers", '"n1"')}
    assert {c.column for c in report.columns} == columns.keys() | numbers.keys()


def test_weights_that_tell_the_label(tmp_path: Path) -> None:
    apps = [[f"a{RNG.randrange(20)}" for _ in range(RNG.randrange(1, 4))] for _ in LABELS]
    minutes = [
        [RNG.uniform(5, 6) if y else RNG.uniform(0.1, 1) for _ in bag] for bag, y in zip(apps, LABELS, strict=True)
    ]
    report = checked(
        tmp_path, '[fields.apps]\nweights = "minutes"\n', train={"apps": apps, "minutes": minutes, "y": LABELS}
    )
    (finding,) = findings(report, "leak")
    assert finding.text.startswith("the weights alone tell the label")
    assert [c.column for c in report.columns] == ["apps", "weights"]


def test_rows_that_alternate_between_the_classes_are_measured_alike(tmp_path: Path) -> None:
    labels = [i % 2 for i in range(2000)]
    column = [f"t{y if RNG.random() < 0.7 else 1 - y}" for y in labels]
    report = checked(tmp_path, "[fields.a]\n", train={"a": column, "y": labels})
    (found,) = report.columns
    assert 0.65 < found.auc < 0.75


def test_too_few_labels_of_a_class_tell_nothing(tmp_path: Path) -> None:
    labels = [1] * 6 + [0] * 200
    report = checked(tmp_path, "[fields.a]\n", train={"a": [f"t{y}" for y in labels], "y": labels})
    assert [c.auc for c in report.columns] == [None]
    assert [f.kind for f in report.findings] == ["few_labels"]


def test_auc_of_a_token_is_what_its_held_out_rates_give(tmp_path: Path) -> None:
    """Plenty of rows a token: the AUC is that of the true rates."""
    rng = np.random.default_rng(3)
    rates = rng.uniform(0.05, 0.9, 12)
    tokens = rng.integers(0, 12, 30_000)
    labels = (rng.random(30_000) < rates[tokens]).astype(int)
    report = checked(tmp_path, "[fields.a]\n", train={"a": [f"t{t}" for t in tokens], "y": labels})
    positives, negatives = rates / rates.sum(), (1 - rates) / (1 - rates).sum()
    order = rates[:, None] > rates[None, :]
    ties = rates[:, None] == rates[None, :]
    better = float((np.outer(positives, negatives) * (order + 0.5 * ties)).sum())
    assert report.columns[0].auc == pytest.approx(better, abs=0.01)
