"""Splits: each row lands in exactly one part, whatever the batches and forms, by rules that plain Python tells."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import assert_same_chunks, in_pieces, sentences_of

from manyhot.data import Encoder, Rejects, Source, SourceBatch, open_source, parts_to_train_on
from manyhot.errors import BadRowsError, ConfigError, DataError
from manyhot.schema import Field, Schema, Split, seconds_of

SCHEMA = Schema(label="y", fields=(Field("a"),), time="t")
MODEST = settings(deadline=None, max_examples=60)
MASK = 2**64 - 1


def parts_of(data: object, split: Split, folder: Path = Path()) -> dict[str, list[int]]:
    """The numbers, column "n", of the rows of each part."""
    parts = parts_to_train_on({"train": open_source(data, folder=folder)}, SCHEMA, split)
    return {name: numbers_of(source) for name, source in parts.items()}


def numbers_of(source: Source) -> list[int]:
    return [int(n.as_py()) for batch in source.batches(["n"], Rejects()) for n in batch.batch.column("n")]


def splitmix64(number: int) -> int:
    z = (number + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def token_hash(token: str) -> int:
    """FNV-1a, then murmur3's finalizer."""
    h = 0xCBF29CE484222325
    for byte in token.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    h = ((h ^ (h >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    h = ((h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53) & MASK
    return h ^ (h >> 33)


def part_by_hash(key: int, split: Split) -> str:
    place = Fraction(splitmix64(key ^ splitmix64(split.seed)), 2**64)
    if place < Fraction(str(split.test or 0)):
        return "test"
    return "valid" if place >= 1 - Fraction(str(split.valid or 0)) else "train"


shares = st.sampled_from([(0.1, None), (None, 0.25), (0.3, 0.3), (0.01, 0.9), (0.5, 0.1)])
cuts = st.lists(st.integers(0, 60), max_size=5)


@MODEST
@given(
    st.lists(st.sampled_from(["", "u1", "u2", "日本", *map(str, range(40))]), max_size=60),
    shares,
    cuts,
    st.integers(0, 9),
)
def test_rows_with_one_key_stay_together_and_without_one_in_train(
    keys: list[str], share: tuple[float | None, float | None], cuts: Sequence[int], seed: int
) -> None:
    split = Split(by="hash", key="u", valid=share[0], test=share[1], seed=seed)
    table = pa.table({"u": pa.array(keys, pa.string()), "n": pa.array(range(len(keys)), pa.int64())})
    found = parts_of(in_pieces(table, cuts), split)
    expected = {name: [] for name in split.parts}
    for n, key in enumerate(keys):
        expected[part_by_hash(token_hash(key), split) if key else "train"].append(n)
    assert found == expected


@MODEST
@given(st.integers(0, 80), shares, cuts, st.integers(0, 2**63 - 1))
def test_a_split_by_fraction_goes_by_the_number_of_the_row(
    num_rows: int, share: tuple[float | None, float | None], cuts: Sequence[int], seed: int
) -> None:
    split = Split(by="fraction", valid=share[0], test=share[1], seed=seed)
    found = parts_of(in_pieces(pa.table({"n": pa.array(range(num_rows), pa.int64())}), cuts), split)
    expected = {name: [] for name in split.parts}
    for n in range(num_rows):
        expected[part_by_hash(n + 1, split)].append(n)
    assert found == expected


def test_shares_are_kept_and_a_test_part_moves_no_row_of_valid() -> None:
    table = pa.table({"n": np.arange(100_000), "u": np.arange(100_000)})
    for split in (Split(by="fraction", valid=0.1), Split(by="hash", key="u", valid=0.1)):
        found = parts_of(table, split)
        assert abs(len(found["valid"]) - 10_000) < 500  # five deviations of chance
        with_test = Split(by=split.by, key=split.key, valid=0.1, test=0.2)
        more = parts_of(table, with_test)
        assert more["valid"] == found["valid"]
        assert abs(len(more["test"]) - 20_000) < 700
        assert parts_of(table, Split(by=split.by, key=split.key, valid=0.1, seed=2))["valid"] != found["valid"]


def parts_by_time(times: list[float], split: Split) -> dict[str, list[int]]:
    """By adding whole times from the last one until a part has its share."""
    counts, left = Counter(times), sorted(set(times))
    where = {}
    for part, share in (("test", split.test), ("valid", split.valid)):
        wanted, size = Fraction(str(share or 0)) * len(times), 0
        while size < wanted:
            where[left[-1]] = part
            size += counts[left.pop()]
    found: dict[str, list[int]] = {name: [] for name in split.parts}
    for n, time in enumerate(times):
        found[where.get(time, "train")].append(n)
    return found


@MODEST
@given(st.lists(st.integers(-5, 30) | st.sampled_from([1.5, 2.25]), min_size=1, max_size=60), shares, cuts)
def test_a_split_by_time_takes_the_last_rows_ties_together(
    times: list[float], share: tuple[float | None, float | None], cuts: Sequence[int]
) -> None:
    split = Split(by="time", valid=share[0], test=share[1])
    table = in_pieces(pa.table({"t": pa.array(times, pa.float64()), "n": pa.array(range(len(times)))}), cuts)
    try:
        expected = parts_by_time(times, split)
    except IndexError:  # the times ran out
        expected = {"train": []}
    if not expected["train"]:
        with pytest.raises(DataError, match="nothing is left for train"):
            parts_of(table, split)
    else:
        assert parts_of(table, split) == expected


def test_many_times_are_counted_in_several_merges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhot.data.sources._time_counts._PENDING", 100)
    times = np.random.default_rng(0).integers(0, 700, 5000)
    table = in_pieces(pa.table({"t": times, "n": np.arange(5000)}), range(0, 5000, 37))
    split = Split(by="time", valid=0.1, test=0.07)
    assert parts_of(table, split) == parts_by_time(times.tolist(), split)


DAYS = ["2014-10-27", "2014-10-28", "2014-10-28", "2014-10-29", "2014-10-29", "2014-10-30"]
SECONDS = [int(seconds_of(day)) for day in DAYS]


def in_every_form(folder: Path) -> Iterator[tuple[str, object]]:
    """The days above as columns of every kind."""
    moments = [datetime.datetime.fromisoformat(day) for day in DAYS]
    columns = {
        "seconds": SECONDS,
        "floats": [s + 0.5 for s in SECONDS],
        "text": DAYS,
        "text with a zone": [f"{day}T02:00:00+02:00" for day in DAYS],
        "text in two forms": [*DAYS[:3], *(f"{day} 00:00:00Z" for day in DAYS[3:])],
        "numbers as text": [f" {s}" for s in SECONDS],
        "dictionary": pa.array(DAYS).dictionary_encode(),
        "date32": pa.array(moments).cast(pa.date32()),
        "date64": pa.array(moments).cast(pa.date64()),
        **{unit: pa.array(moments).cast(pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
        "zone": pa.array(moments, pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Asia/Tokyo")),
        "decimal": pa.array(SECONDS).cast(pa.decimal128(25, 2)),
    }
    for name, column in columns.items():
        yield name, pa.table({"t": column, "n": range(len(DAYS))})
    table = pa.table({"t": DAYS, "n": range(len(DAYS))})
    yield "polars", pl.DataFrame({"t": DAYS, "n": range(len(DAYS))})
    pacsv.write_csv(table, folder / "days.csv")
    pq.write_table(table, folder / "days.parquet", row_group_size=2)
    pq.write_table(table.slice(0, 2), folder / "part1.parquet")
    pq.write_table(table.slice(2), folder / "part2.parquet")
    yield from (("csv", "days.csv"), ("parquet", "days.parquet"), ("files", "part*.parquet"))


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (Split(by="time", valid=0.1), {"train": [0, 1, 2, 3, 4], "valid": [5]}),
        (Split(by="time", valid=0.1, test=0.1), {"train": [0, 1, 2], "valid": [3, 4], "test": [5]}),
        (Split(by="time", valid=0.5), {"train": [0, 1, 2], "valid": [3, 4, 5]}),
        (Split(by="time", valid_from="2014-10-29"), {"train": [0, 1, 2], "valid": [3, 4, 5]}),
        (Split(by="time", valid_from=SECONDS[3]), {"train": [0, 1, 2], "valid": [3, 4, 5]}),
        (Split(by="time", test_from=datetime.date(2014, 10, 30)), {"train": [0, 1, 2, 3, 4], "test": [5]}),
        (
            Split(by="time", valid_from="2014-10-28", test_from=datetime.datetime(2014, 10, 30)),
            {"train": [0], "valid": [1, 2, 3, 4], "test": [5]},
        ),
    ],
)
def test_a_time_is_one_moment_in_every_form(split: Split, expected: dict[str, list[int]], tmp_path: Path) -> None:
    for name, data in in_every_form(tmp_path):
        assert parts_of(data, split, tmp_path) == expected, name


@MODEST
@given(
    st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    st.sampled_from(["", "Z", "+05:30", "-11:00"]),
    st.sampled_from([" ", "T"]),
)
def test_iso_text_is_read_alike_alone_and_among_others(moment: datetime.datetime, zone: str, between: str) -> None:
    """Arrow reads a column of one form, Python one of several."""
    text = moment.isoformat(between) + zone
    for column in ([text], [text, "5", "1999-01-01"]):
        split = Split(by="time", valid_from=seconds_of(text))
        assert 0 in parts_of({"t": column, "n": list(range(len(column)))}, split)["valid"]
        later = Split(by="time", valid_from=math.nextafter(seconds_of(text), math.inf))
        assert 0 in parts_of({"t": column, "n": list(range(len(column)))}, later)["train"]


BAD_TIMES = [
    ("", "(the time) is missing"),
    ("noon", "is no time; write seconds since 1970, a date, or ISO text like 2014-10-29T13:00:00: 'noon'"),
    ("nan", "is no time"),
    ("1_000", "is no time"),
    ("29.10.2014", "is no time"),
]


@pytest.mark.parametrize(("time", "why"), BAD_TIMES)
def test_a_row_of_no_time_is_told_of_once_by_train(time: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"n,t\n0,2014-10-27\n1,{time}\n2,2014-10-28\n")
    (source,) = [open_source("r.csv", folder=tmp_path)]
    parts = parts_to_train_on({"train": source}, SCHEMA, Split(by="time", valid=0.5))
    for name, numbers in (("train", [0]), ("valid", [2])):
        rejects = Rejects()
        assert [n for b in parts[name].batches(["n"], rejects) for n in b.batch.column("n").to_pylist()] == [
            str(n).encode() for n in numbers
        ]
        if name == "train":
            with pytest.raises(BadRowsError) as caught:
                rejects.check()
            assert f'{tmp_path / "r.csv"}:3: column "t" {why}' in str(caught.value)
        assert rejects.num_rejected == (name == "train")


def test_places_stay_those_of_the_source(tmp_path: Path) -> None:
    """The row number in a file, with rows left out before it and lines that are no rows."""
    lines = [f"{n},{n % 7},u{n % 50}" for n in range(300)]
    lines[20:20] = ["1,2"]
    (tmp_path / "r.csv").write_text("\n".join(["n,t,u", *lines]) + "\n")
    pq.write_table(
        pa.table({"n": range(300), "t": [n % 7 for n in range(300)]}), tmp_path / "r.parquet", row_group_size=90
    )
    pieces = in_pieces(pq.read_table(tmp_path / "r.parquet"), [3, 50, 51, 200])
    split = Split(by="fraction", valid=0.2, test=0.3)
    for data in ("r.csv", "r.parquet", pieces):
        parts = parts_to_train_on({"train": open_source(data, folder=tmp_path)}, SCHEMA, split)
        seen = []
        for source in parts.values():
            for batch in source.batches(["n"], Rejects()):
                for row, value in enumerate(batch.batch.column("n").to_pylist()):
                    n = int(value)
                    seen.append(n)
                    place = f"{tmp_path / 'r.csv'}:{n + 2 + (n >= 20)}" if data == "r.csv" else f", row {n + 1}"
                    assert batch.reject(row, "why").sentence.endswith(f"{place}: why"), (data, n)
        assert sorted(seen) == list(range(300))


def test_a_line_without_a_row_is_told_of_by_train_alone(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("n,t\n0,1\n1,2,3\n2,2\n3,3\n")
    parts = parts_to_train_on(
        {"train": open_source("r.csv", folder=tmp_path)}, SCHEMA, Split(by="time", valid=0.3, test=0.3)
    )
    told = {}
    for name, source in parts.items():
        rejects = Rejects()
        list(source.batches(["n"], rejects))
        told[name] = len(sentences_of(rejects))
    assert told == {"train": 1, "valid": 0, "test": 0}


def test_columns_of_views_can_be_split() -> None:
    frame = pl.DataFrame(
        {"t": [1, 2, 3], "n": [0, 1, 2], "s": ["a", "bb", None], "l": [["x", "y"], [], None], "p": [{"q": "z"}] * 3}
    )
    source = parts_to_train_on({"train": open_source(frame)}, SCHEMA, Split(by="time", valid=0.5))["valid"]
    (batch,) = source.batches(["s", "l", "p"], Rejects())
    assert batch.batch.to_pylist() == frame.select("s", "l", "p").to_dicts()[1:]


def test_fingerprints_tell_parts_splits_and_sources_apart(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("n,t\n1,1\n2,2\n")
    seen = []
    for name in ("a.csv", "b.csv"):
        source = open_source(name, folder=tmp_path)
        seen.append(source.fingerprint())
        for split in (
            Split(by="fraction", valid=0.5),
            Split(by="fraction", valid=0.5, seed=2),
            Split(by="hash", key="n", valid=0.5),
            Split(by="time", valid=0.5),
            Split(by="time", valid_from=2),
        ):
            parts = parts_to_train_on({"train": source}, SCHEMA, split)
            seen += [part.fingerprint() for part in parts.values()]
            again = parts_to_train_on({"train": open_source(name, folder=tmp_path)}, SCHEMA, split)
            assert [part.fingerprint() for part in again.values()] == seen[-len(parts) :]
    assert len(set(seen)) == len(seen) == 22
    table = parts_to_train_on({"train": open_source({"n": [1]})}, SCHEMA, Split(by="fraction", valid=0.5))
    assert table["train"].fingerprint() is None


class OneAtATime:
    """A source as a query is: one reading at a time."""

    name = "the query"

    def __init__(self, data: object) -> None:
        self._rows, self._busy = open_source(data), False

    def columns(self) -> list[str] | None:
        return self._rows.columns()

    def fingerprint(self) -> None:
        return

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        assert not self._busy
        self._busy = True
        yield from self._rows.batches(columns, rejects)
        self._busy = False


@pytest.mark.parametrize("split", [Split(by="time", valid=0.3), Split(by="hash", key="t", valid=0.3)])
def test_a_source_is_read_once_at_a_time_by_any_number_of_threads(split: Split) -> None:
    data = in_pieces(pa.table({"t": range(100), "a": [f"t{n}" for n in range(100)], "y": [0, 1] * 50}), range(0, 99, 7))
    parts = parts_to_train_on({"train": OneAtATime(data)}, SCHEMA, split)
    encoder = Encoder.fit(SCHEMA, parts["train"], num_threads=3)
    for source in parts.values():
        alone, together = (list(encoder.encode(source, with_labels=True, num_threads=n)) for n in (1, 3))
        assert_same_chunks(alone, together)
        assert sum(len(chunk.labels) for chunk in alone) > 0


def test_where_the_parts_start_is_told() -> None:
    told: list[str] = []
    data = {"t": [*SECONDS, 1e18], "n": list(range(7))}
    parts = parts_to_train_on({"train": open_source(data)}, SCHEMA, Split(by="time", valid=0.3, test=0.1), told.append)
    assert told == []
    for source in parts.values():
        numbers_of(source)
    assert told == ["split by time: valid from 1414540800 (2014-10-29 00:00:00 UTC), test from 1e+18"]


def test_a_part_given_and_made_is_an_error() -> None:
    rows = open_source({"t": [1], "n": [1]})
    with pytest.raises(ConfigError, match="split: makes valid, which is given too"):
        parts_to_train_on({"train": rows, "valid": rows}, SCHEMA, Split(by="fraction", valid=0.1))
    with pytest.raises(ConfigError, match='by = "time" needs the column of the time'):
        parts_to_train_on({"train": rows}, Schema(label="y", fields=(Field("a"),)), Split(by="time", valid=0.1))
    parts = parts_to_train_on({"train": rows, "test": rows}, SCHEMA, Split(by="fraction", valid=0.1))
    assert parts["test"] is rows


def test_a_column_that_can_be_no_time_or_key_is_one_error() -> None:
    data = {"t": [[1]], "n": [1]}
    with pytest.raises(DataError, match=r'column "t" is list<.*>, but the time must be a number'):
        parts_of(data, Split(by="time", valid_from=1))
    with pytest.raises(DataError, match=r'column "t" is list<.*>, but a key must be one text'):
        parts_of(data, Split(by="hash", key="t", valid=0.1))
    with pytest.raises(DataError, match='column "u" is missing'):
        parts_of(data, Split(by="hash", key="u", valid=0.1))
