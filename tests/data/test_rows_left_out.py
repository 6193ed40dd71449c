"""Bad rows within the limits: all are named, and what is left is as if they had never been there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from row_lists import rows_of, schema_of
from test_bad_rows import BAD, GOOD, NAMES, source_of

from manyhot.data import Encoder, ExampleCache, Rejects, open_source, write_rejects
from manyhot.errors import BadRowsError, ConfigError
from manyhot.schema import BadRows, Field, Reading, Separators

SCHEMA = schema_of(Field("apps", separators=Separators(weight=":")), Field("age", numeric=["clip(0, 99)", "minmax"]))
ALL = BadRows(max_fraction=1.0)
# The tokens and numbers of bad rows stand in no good row, so that a trace of them shows. "old" and the like would be
# bad in every field, so a bad row keeps a good side.
BADS = [(label, apps.replace("a", "only_bad"), "97" if age == "30" else age) for label, apps, age in BAD]
WIDTHS = [("1",), ("1", "a:1"), ("1", "a:1", "3", "4")]


def mixed(seed: int, count: int = 200) -> list[tuple[bool, tuple[str, ...]]]:
    """Whether a row is good, and the row."""
    draw = random.Random(seed)
    rows: list[tuple[bool, tuple[str, ...]]] = []
    for i in range(count):
        good = draw.random() < 0.7
        pairs = ",".join(f"t{draw.randrange(9)}:{draw.randrange(1, 9) / 8}" for _ in range(draw.randrange(1, 4)))
        rows.append((good, (str(i % 2), pairs, str(draw.randrange(5, 60))) if good else draw.choice(BADS)))
    return rows


def everything(source: Any, limits: BadRows | None) -> tuple[Encoder, list[Any], list[float], Rejects, Rejects]:
    fitted, encoded = Rejects(limits), Rejects(limits)
    encoder = Encoder.fit(SCHEMA, source, rejects=fitted)
    chunks = list(encoder.encode(source, with_labels=True, rejects=encoded))
    labels = [label for chunk in chunks for label in (chunk.labels if chunk.labels is not None else [])]
    return encoder, rows_of(chunks, 2), labels, fitted, encoded


def told(rejects: Rejects) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [row for batch in rejects.batches() for row in batch.to_pylist()]
    return rows


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "parquet", "frame", "views"])
def test_the_good_rows_are_encoded_as_if_they_were_alone(kind: str, seed: int, tmp_path: Path) -> None:
    rows = mixed(seed)
    data, options, place = source_of(kind.replace("views", "frame"), [row for _, row in rows], tmp_path)
    if kind == "views":
        data = pl.DataFrame(data)
    source = open_source(data, reading=Reading(**options))
    encoder, bags, labels, fitted, encoded = everything(source, ALL)
    good = pd.DataFrame([row for is_good, row in rows if is_good], columns=NAMES)
    alone, expected_bags, expected_labels, _, _ = everything(open_source(good), None)
    assert encoder.fingerprint() == alone.fingerprint()
    assert (bags, labels) == (expected_bags, expected_labels)
    bad = [i for i, (is_good, _) in enumerate(rows) if not is_good]
    for rejects in (fitted, encoded):
        assert (rejects.num_read, rejects.num_rejected) == (len(rows), len(bad))
        named = told(rejects)
        places = [f"{r['origin']}:{r['line']}" if r["line"] else f"{r['origin']}, row {r['row']}" for r in named]
        assert [f"{p}: " for p in places] == [place.format(i + 1, i + 2) for i in bad]
        assert all(named[k]["reason"].startswith('column "') for k in range(len(bad)))
        if kind.startswith("csv"):
            assert [r["text"] for r in named] == [",".join(f'"{cell}"' for cell in rows[i][1]) for i in bad]


def test_lines_of_another_width_stand_in_order_among_the_others(tmp_path: Path) -> None:
    rows = [row if good else WIDTHS[i % 3] if i % 2 else row for i, (good, row) in enumerate(mixed(5, 3000))]
    path = tmp_path / "rows.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    source = open_source(path, reading=Reading(columns=NAMES))
    *_, encoded = everything(source, ALL)
    bad = [i + 1 for i, row in enumerate(rows) if row in BADS or len(row) != 3]
    assert [row["line"] for row in told(encoded)] == bad
    assert [row["text"] for row in told(encoded)] == ["\t".join(rows[line - 1]) for line in bad]
    assert encoded.num_read == len(rows)


@pytest.mark.parametrize(
    ("limits", "borne"),
    [
        (BadRows(), False),
        (BadRows(max_rows=0), False),
        (BadRows(max_rows=2), False),
        (BadRows(max_rows=3), True),
        (BadRows(max_fraction=0.29), False),
        (BadRows(max_fraction=0.3), True),
        (BadRows(max_rows=3, max_fraction=0.1), False),
        (BadRows(max_rows=0, max_fraction=1.0), False),
        (BadRows(max_rows=9, max_fraction=0.3), True),
    ],
)
def test_limits_are_judged_at_the_end(limits: BadRows, borne: bool) -> None:
    rows = [("2", *GOOD[1:])] * 3 + [GOOD] * 7
    source = open_source(pd.DataFrame(rows, columns=NAMES))
    if borne:
        _, bags, _, fitted, encoded = everything(source, limits)
        assert len(bags) == 7 and fitted.counts == encoded.counts == "of 10 rows (3 rejected)"
        return
    with pytest.raises(BadRowsError, match=r"3 of 10 rows are bad \(7 are good\)"):
        everything(source, limits)


@pytest.mark.parametrize("wrong", [{"max_rows": -1}, {"max_fraction": 1.1}, {"max_fraction": float("nan")}])
def test_limits_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        BadRows(**wrong)


def test_the_cache_keeps_counts_and_rejects(tmp_path: Path) -> None:
    rows = mixed(8)
    data, options, _ = source_of("tsv", [row for _, row in rows], tmp_path)
    store, source = ExampleCache(tmp_path / "cache"), open_source(data, reading=Reading(**options))
    seen = []
    for _ in range(2):
        fitted, encoded = Rejects(ALL), Rejects(ALL)
        encoder, was_fitted = store.fit(SCHEMA, source, rejects=fitted)
        examples, was_encoded = store.encode(encoder, source, rejects=encoded)
        assert (fitted.counts, examples.num_rows) == (encoded.counts, encoded.num_read - encoded.num_rejected)
        seen.append((was_fitted, was_encoded, encoded.counts, told(encoded), told(encoded)))
    assert [entry[:2] for entry in seen] == [(False, False), (True, True)]
    assert seen[0][2:] == seen[1][2:]
    before = sorted((tmp_path / "cache").iterdir())
    for task in (lambda: store.fit(SCHEMA, source), lambda: store.encode(encoder, source)):
        with pytest.raises(BadRowsError, match=r"\.tsv:\d+: column"):
            task()
        assert sorted((tmp_path / "cache").iterdir()) == before


def test_three_hundred_thousand_rejects_go_to_disk(tmp_path: Path) -> None:
    path, count = tmp_path / "rows.tsv", 300_000
    path.write_text("1\ta:1\t3\n2\ta:1\t3\n1\ta:1\n" * (count // 2))
    source, rejects = open_source(path, reading=Reading(columns=NAMES)), Rejects(ALL)
    encoder = Encoder.fit(SCHEMA, open_source(pd.DataFrame([GOOD], columns=NAMES)))
    num_good = sum(
        len(chunk.labels)
        for chunk in encoder.encode(source, with_labels=True, rejects=rejects)
        if chunk.labels is not None
    )
    assert (num_good, rejects.num_rejected, rejects.num_read) == (count // 2, count, count // 2 * 3)
    write_rejects(tmp_path / "rejects.parquet", {"train": rejects.batches()})
    table = pq.read_table(tmp_path / "rejects.parquet")
    lines = np.arange(count // 2 * 3) + 1
    assert np.array_equal(table["line"].to_numpy(), lines[(lines - 1) % 3 > 0])
    assert table.schema.names == ["part", "origin", "line", "row", "reason", "text"]
    assert len(rejects._first) == 10


def test_lists_of_views_keep_their_good_rows() -> None:
    schema = schema_of(Field("f"))
    kind = pa.large_list(pa.string_view())
    table = pa.table({"f": pa.array([["a"], ["b", None], ["c"], None, ["d", "e"]], kind), "y": [1, 0, 2, 1, 0]})
    rejects = Rejects(ALL)
    encoder = Encoder.fit(schema, open_source(table), rejects=rejects)
    assert sorted(encoder.vocabularies["f"].tokens[i] for i in range(3)) == ["a", "d", "e"]
    assert [row["row"] for row in told(rejects)] == [2, 3]
