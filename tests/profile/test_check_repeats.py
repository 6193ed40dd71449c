"""Rows of valid that are in train: hashes of encoded rows against the rows themselves."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiments import checked, findings

import manyhot.profile._repeats as repeats_module
from manyhot.data import EncodedChunk, Examples
from manyhot.profile._blocks import blocks, by_field
from manyhot.profile._repeats import TrainRows, row_hashes

FIELDS = '[fields.a]\n[fields.b]\nweights = "w"\n'
Rows = list[list[list[tuple[int, float]]]]


def rows_of(seed: int, count: int, most: int = 3, least: int = 0) -> Rows:
    rng = random.Random(seed)
    return [
        [[(rng.randrange(most), rng.choice([1.0, 2.0])) for _ in range(rng.randrange(least, 3))] for _ in range(3)]
        for _ in range(count)
    ]


def chunk_of(rows: Rows) -> EncodedChunk:
    pairs = [pair for row in rows for bag in row for pair in bag]
    offsets = np.cumsum([0, *(len(bag) for row in rows for bag in row)]).astype(np.int32)
    ids, weights = (np.array([pair[i] for pair in pairs]) for i in (0, 1))
    return EncodedChunk(offsets, ids.astype(np.int32), weights.astype(np.float32), np.zeros(len(rows), np.float32))


def test_hashes_are_equal_where_rows_are() -> None:
    rows = rows_of(1, 3000)
    hashes = row_hashes(chunk_of(rows), 3)
    same: dict[int, Any] = {}
    keys = [tuple(tuple(sorted(bag)) for bag in row) for row in rows]
    for key, number in zip(keys, hashes.tolist(), strict=True):
        assert same.setdefault(number, key) == key
    assert len(same) == len(set(keys))


def test_weights_of_one_are_no_weights() -> None:
    rows = [[[(1, 1.0), (2, 1.0)], [], [(3, 1.0)]], [[], [], []]]
    with_weights = chunk_of(rows)
    without = EncodedChunk(with_weights.offsets, with_weights.ids, None, with_weights.labels)
    np.testing.assert_array_equal(row_hashes(with_weights, 3), row_hashes(without, 3))


@pytest.mark.parametrize("kept", [2**21, 1000])
def test_shares_are_those_of_the_rows(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """Where only a share of the hashes is kept, the shares are estimates."""
    monkeypatch.setattr(repeats_module, "_KEPT", kept)
    train, valid = rows_of(2, 4000, 6, least=1), rows_of(3, 3000, 6, least=1)
    valid[:600] = train[100:700]
    found = TrainRows(Examples([chunk_of(train[:1500]), chunk_of(train[1500:])], 3)).compare(
        Examples([chunk_of(valid)], 3)
    )
    in_train = [tuple(tuple(sorted(bag)) for bag in row) for row in train]
    in_valid = [tuple(tuple(sorted(bag)) for bag in row) for row in valid]
    times = Counter(in_train)
    share = np.mean([key in times for key in in_valid])
    within = np.mean([times[key] > 1 for key in in_train])
    exact = kept > 4000
    assert (found.rows == 3000) == exact
    assert found.share == pytest.approx(share, abs=1e-12 if exact else 0.05)
    assert found.train_share == pytest.approx(within, abs=1e-12 if exact else 0.05)
    assert 0.2 < share < 0.5 and within > 0.05


def test_blocks_give_every_row_once_and_fields_their_own_pairs() -> None:
    rows = rows_of(4, 700)
    examples = Examples([chunk_of(rows[:300]), chunk_of(rows[300:])], 3)
    again: Rows = []
    for block in blocks(examples, block_rows=64):
        bags_of = []
        for bags in by_field(block, 3):
            assert bags.weights is not None
            pairs = list(zip(bags.ids.tolist(), bags.weights.tolist(), strict=True))
            stops = np.cumsum(bags.lengths).tolist()
            bags_of.append([pairs[a:b] for a, b in zip([0, *stops], stops, strict=False)])
        again += [list(row) for row in zip(*bags_of, strict=True)]
    assert again == rows
    some = list(blocks(examples, 200, block_rows=64))
    assert 0 < sum(len(block.labels) for block in some if block.labels is not None) <= 260


def table(rng: random.Random, count: int, most: int) -> dict[str, list[Any]]:
    return {
        "a": [f"a{rng.randrange(most)}" for _ in range(count)],
        "b": [[f"b{rng.randrange(most)}"] for _ in range(count)],
        "w": [[rng.choice([1.0, 2.0])] for _ in range(count)],
        "y": [rng.randrange(2) for _ in range(count)],
    }


def test_findings_on_repeated_rows(tmp_path: Path) -> None:
    rng = random.Random(1)
    train, fresh, alike = table(rng, 800, 1000), table(rng, 400, 1000), table(rng, 400, 3)
    some = {name: column[:100] + fresh[name][100:] for name, column in train.items()}
    (warning,) = findings(checked(tmp_path, FIELDS, train=train, valid=some), "repeated_rows")
    assert (warning.severity, warning.where) == ("warning", "valid") and "25.0 %" in warning.text
    (error,) = findings(checked(tmp_path, FIELDS, train=train, test=train), "repeated_rows")
    assert (error.severity, error.where) == ("error", "test")
    assert findings(checked(tmp_path, FIELDS, train=train, valid=fresh), "repeated_rows") == []
    report = checked(tmp_path, FIELDS, train=table(rng, 800, 3), valid=alike)
    (note,) = findings(report, "repeated_rows")
    assert note.severity == "note" and not report.has_errors
