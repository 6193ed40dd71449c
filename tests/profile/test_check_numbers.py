"""What check measures, against counts in plain Python over the raw rows."""

from __future__ import annotations

import collections
import itertools
import math
import random
from pathlib import Path
from typing import Any

import pytest
from experiments import checked, findings

FIELDS = """
[vocabularies.app]
min_count = 3
[vocabularies.city]
max_size = 4
[vocabularies.kind]
min_count = 2
[fields.apps]
vocabulary = "app"
separators = { pair = ",", weight = ":" }
[fields.candidate]
vocabulary = "app"
[fields.city]
missing = "oov"
[fields.tags]
[fields.kinds]
vocabulary = "kind"
columns = ["k", "k/x"]
[fields.age]
numeric = []
"""
Rows = list[dict[str, Any]]


def rows(seed: int, count: int) -> Rows:
    rng = random.Random(seed)

    def token(prefix: str, most: int) -> str:
        return f"{prefix}{int(most * rng.random() ** 3)}"

    return [
        {
            "apps": [(token("a", 40 + seed), rng.choice([0.5, 1.0, 3.0])) for _ in range(rng.choice([0, 0, 1, 2, 9]))],
            "candidate": token("a", 60),
            "city": rng.choice([None, "", token("c", 8), token("c", 8)]),
            "tags": [token("t", 30) for _ in range(rng.randrange(4))],
            "k": token("k", 5),
            "k/x": rng.choice([None, token("x", 4)]),
            "age": rng.choice([None, 0.0, rng.gauss(30, 10)]),
            "y": rng.randrange(2),
        }
        for _ in range(count)
    ]


def columns(rows: Rows) -> dict[str, list[Any]]:
    table = {name: [row[name] for row in rows] for name in rows[0]}
    table["apps"] = [",".join(f"{token}:{weight}" for token, weight in bag) for bag in table["apps"]]
    return table


def bags(row: dict[str, Any]) -> dict[str, list[str]]:
    """The tokens of each field; None for a missing value that becomes OOV."""
    return {
        "apps": [token for token, _ in row["apps"]],
        "candidate": [row["candidate"]],
        "city": [row["city"] or None],
        "tags": row["tags"],
        "kinds": [f"{c}/{row[c]}" for c in ("k", "k/x") if row[c]],
        "age": ["age"] if row["age"] else [],
    }


VOCABULARY = {"apps": "app", "candidate": "app", "kinds": "kind"}


def vocabularies(rows: Rows) -> dict[str, tuple[collections.Counter[str], set[str]]]:
    """How often each token of a vocabulary occurs, and those that are kept."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for row in rows:
        for field, bag in bags(row).items():
            counts[VOCABULARY.get(field, field)].update(token for token in bag if token)
    counts["age"]["age"] = sum(row["age"] is not None for row in rows)  # a number 0 is counted, though it makes no pair
    least, most = {"app": 3, "kind": 2}, {"city": 4}
    kept = {}
    for name, counter in counts.items():
        ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0].encode()))
        kept[name] = {token for token, times in ranked[: most.get(name)] if times >= least.get(name, 1)}
    return {name: (counts[name], kept[name]) for name in counts}


@pytest.fixture(scope="module", params=[1, 2, 3])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Rows]]:
    parts = {"train": rows(request.param, 300), "valid": rows(request.param + 10, 170)}
    given = {name: columns(part) for name, part in parts.items()}
    return checked(tmp_path_factory.mktemp("rows"), FIELDS, **given), parts


def test_rows_and_labels(case: tuple[Any, dict[str, Rows]]) -> None:
    report, parts = case
    for name, part in parts.items():
        said = report.parts[name]
        positives = sum(row["y"] for row in part)
        assert (said.rows, said.rejected, said.positives) == (len(part), 0, positives)
        assert said.label_rate == positives / len(part)
        assert said.pairs == sum(len(bag) for row in part for bag in bags(row).values())


def test_fields(case: tuple[Any, dict[str, Rows]]) -> None:
    report, parts = case
    known = {name: kept for name, (_, kept) in vocabularies(parts["train"]).items()}
    for (name, part), field in itertools.product(parts.items(), VOCABULARY.keys() | {"city", "tags", "age"}):
        said = report.parts[name].fields[field]
        field_bags = [bags(row)[field] for row in part]
        lengths = sorted(map(len, field_bags))
        tokens = [token for bag in field_bags for token in bag if token]
        unknown = [token for token in tokens if token not in known[VOCABULARY.get(field, field)]]
        assert said.rows == len(part)
        assert said.pairs == sum(lengths)
        assert said.tokens == len(tokens)
        assert said.oov == len(unknown)
        assert said.oov_share == pytest.approx(len(unknown) / len(tokens))
        assert said.empty_share == pytest.approx(sum(not any(bag) for bag in field_bags) / len(part))
        assert said.mean_pairs == pytest.approx(sum(lengths) / len(lengths))
        assert said.p99_pairs == lengths[math.ceil(0.99 * len(lengths)) - 1]
        assert said.most_pairs == lengths[-1]
        assert said.distinct == len(set(tokens) - set(unknown))


def test_columns_of_one_field(case: tuple[Any, dict[str, Rows]]) -> None:
    report, parts = case
    known = vocabularies(parts["train"])["kind"][1]
    for name, part in parts.items():
        said = report.parts[name].fields["kinds"]
        values = {c: [row[c] for row in part if row[c] and f"{c}/{row[c]}" in known] for c in ("k", "k/x")}
        assert said.pairs_by_column == {c: len(v) for c, v in values.items()}
        assert said.distinct_by_column == {c: len(set(v)) for c, v in values.items()}


def test_vocabularies(case: tuple[Any, dict[str, Rows]]) -> None:
    report, parts = case
    for name, (counter, kept) in vocabularies(parts["train"]).items():
        said = report.vocabularies[name]
        assert said.size == len(kept) + 1
        assert said.distinct == len(counter)
        assert said.occurrences == counter.total()
        assert said.cut == len(counter) - len(kept)
        cut = sum(times for token, times in counter.items() if token not in kept)
        assert said.cut_share == pytest.approx(cut / counter.total())
    assert report.vocabularies["app"].fields == ("apps", "candidate")


def test_numbers(case: tuple[Any, dict[str, Rows]]) -> None:
    report, parts = case
    for name, part in parts.items():
        ages = [row["age"] for row in part if row["age"]]
        said = report.parts[name].fields["age"].numbers["age"]
        assert said.count == len(ages)
        assert said.mean == pytest.approx(sum(ages) / len(ages), rel=1e-5)
        assert (said.low, said.high) == pytest.approx((min(ages), max(ages)), rel=1e-6)
        weights = [weight for row in part for _, weight in row["apps"]]
        assert report.parts[name].fields["apps"].numbers["weights"].mean == pytest.approx(sum(weights) / len(weights))
        assert report.parts[name].fields["tags"].numbers == {}


def test_label_rate_by_file(tmp_path: Path) -> None:
    labels = [[0] * 30 + [1] * 10, [1] * 5 + [0] * 20, [1]]
    report = checked(tmp_path, "[fields.a]\n", train=[{"a": ["x"] * len(part), "y": part} for part in labels])
    said = {Path(file.name).name: (file.rows, file.positives, file.label_rate) for file in report.parts["train"].files}
    assert said == {"train-0.parquet": (40, 10, 0.25), "train-1.parquet": (25, 5, 0.2), "train-2.parquet": (1, 1, 1.0)}


def test_missing_values_of_several_columns_that_become_oov(tmp_path: Path) -> None:
    fields = '[fields.both]\ncolumns = ["a", "b"]\nmissing = "oov"\n'
    train = {"a": ["x", None, "x", "y"], "b": ["x", None, None, "x"], "y": [0, 1, 0, 1]}
    said = checked(tmp_path, fields, train=train).parts["train"].fields["both"]
    assert (said.pairs, said.tokens, said.oov, said.empty_share) == (8, 5, 0, 3 / 8)
    assert said.distinct_by_column == {"a": 2, "b": 1}


@pytest.mark.parametrize("options", ['oov = "column"', "oov_buckets = 2"])
def test_unknown_tokens_are_oov_under_whatever_id(tmp_path: Path, options: str) -> None:
    fields = f'[vocabularies.v]\nmin_count = 2\n{options}\n[fields.both]\nvocabulary = "v"\ncolumns = ["a", "b"]\n'
    fields += '[fields.c]\nvocabulary = "v"\n'
    train = {"y": [0, 1] * 50, "a": ["x"] * 100, "b": [f"b{i}" for i in range(90)] + ["z"] * 10, "c": ["u", "w"] * 50}
    report = checked(tmp_path, fields, train=train)
    both, c = (report.parts["train"].fields[name] for name in ("both", "c"))
    assert (both.oov, both.distinct, both.distinct_by_column) == (90, 2, {"a": 1, "b": 1})
    assert (c.oov, c.distinct) == (0, 2)
    assert findings(report, "null_words") == []
