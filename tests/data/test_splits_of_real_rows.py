"""Splits of real rows: ad impressions by time and by user, ratings by both."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from manyhot.data import Rejects, open_source, parts_to_train_on
from manyhot.schema import Field, Schema, Split

FILES = [
    ("taobao-ad-sample/taobao_data_sample_1w.csv.gz", "user_id", "time_stamp"),
    ("movielens-latest-small/ratings.csv.gz", "userId", "timestamp"),
]


@pytest.mark.parametrize(("name", "user", "time"), FILES)
def test_each_row_is_in_one_part(shared: Path, name: str, user: str, time: str) -> None:
    path = shared / "data" / name
    with gzip.open(path, "rt") as text:
        rows = [(row[user], row[time]) for row in csv.DictReader(text)]
    schema = Schema(label="y", fields=(Field(user),), time=time)
    for split in (
        Split(by="time", valid=0.1, test=0.1),
        Split(by="hash", key=user, valid=0.1, test=0.1),
        Split(by="fraction", valid=0.1, test=0.1),
    ):
        found = {}
        for part, source in parts_to_train_on({"train": open_source(path)}, schema, split).items():
            batches = source.batches([user, time], Rejects())
            found[part] = [
                (u.as_py().decode(), t.as_py().decode())
                for b in batches
                for u, t in zip(b.batch.column(user), b.batch.column(time), strict=True)
            ]
        assert sorted(row for part in found.values() for row in part) == sorted(rows)
        for part in ("valid", "test"):
            assert 0.07 < len(found[part]) / len(rows) < 0.13
        if split.by == "hash":
            users = [{u for u, _ in part} for part in found.values()]
            assert len(set.union(*users)) == sum(map(len, users))
        elif split.by == "time":
            ends = [(min(int(t) for _, t in part), max(int(t) for _, t in part)) for part in found.values()]
            assert ends[0][1] < ends[1][0] <= ends[1][1] < ends[2][0]
