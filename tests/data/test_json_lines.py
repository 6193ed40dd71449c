"""JSON Lines: every way to write a bag, against a slow definition on top of Python's own json; bad lines named."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from row_lists import bags_as_tokens, encode, fit, rows_of, schema_of, tokens_of

from manyhot.data import Rejects, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field, Schema

FIELD = Field("f")


class Bad(ValueError):
    pass


def text_of(value: Any) -> str:
    """A token."""
    if isinstance(value, float):
        if not value.is_integer():
            raise Bad
        value = int(value)
    if isinstance(value, str | int):
        return json.dumps(value) if isinstance(value, bool) else str(value)
    raise Bad


def weight_of(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Bad
    try:
        rounded = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        raise Bad from None
    if not math.isfinite(rounded):
        raise Bad
    return rounded


def definition(value: Any) -> list[tuple[str, float]]:
    """The bag that a value is. Raises Bad."""
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = []
        for member in value:
            if isinstance(member, dict):
                if set(member) != {"token", "weight"}:
                    raise Bad
                pairs.append((member["token"], member["weight"]))
            elif isinstance(member, list):
                if len(member) != 2:
                    raise Bad
                pairs.append((member[0], member[1]))
            else:
                pairs.append((member, 1))
    else:
        pairs = [(value, 1)]
    bag = [(text_of(token), weight_of(weight)) for token, weight in pairs]
    if any(token == "" for token, _ in bag):
        raise Bad
    return bag


def parsed(line: bytes) -> list[tuple[str, float]] | None:
    """The bag of "f", None for a bad line. Pairs of weight 0 are left out, as the Encoder does."""
    try:
        row = json.loads(line.decode(), parse_constant=lambda name: {}[name])
        if not isinstance(row, dict):
            return None
        return [(token, weight) for token, weight in definition(row.get("f")) if weight != 0]
    except (ValueError, KeyError):
        return None


# No whole number of more than 64 bits and no lone surrogate: those have tests of their own.
token = st.sampled_from(["a", "b", "é🚲", "", "2024-05-01", "1", 1, 2.0, True, "x" * 20])
weight = st.sampled_from([1, 0.5, 0, -2.25, 1e30, 1e39, None, "1", True, 3e-9])
pair = st.tuples(token, weight).map(list)
member = token | pair | st.fixed_dictionaries({"token": token, "weight": weight}) | st.sampled_from([None, {}, [], [1]])
good_bag = st.lists(st.tuples(st.sampled_from("abé"), st.sampled_from([1, 0.5])).map(list), max_size=3)
value = (
    token
    | st.none()
    | st.lists(token, max_size=3)
    | st.lists(pair, max_size=3)
    | st.lists(st.fixed_dictionaries({"token": token, "weight": weight}), max_size=3)
    | st.lists(member, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b", "é", "token"]), weight, max_size=3)
    | good_bag
)
row = st.fixed_dictionaries({"y": st.just(1), "f": value}) | st.fixed_dictionaries({"y": st.just(0), "g": value})
line = st.builds(lambda r, a: json.dumps(r, ensure_ascii=a).encode(), row, st.booleans()) | st.sampled_from(
    [b"", b" ", b"{", b"[1]", b'"x"', b"1", b"null", b'{"f":"\xff"}', b'{"f":1} x', b'{"f":NaN}', b'{"f":01,"y":1}']
)


@settings(deadline=None, max_examples=150)
@given(lines=st.lists(line, min_size=1, max_size=10), newline=st.sampled_from([b"\n", b"\r\n"]), mark=st.booleans())
@example(lines=[b'{"f":[["a",1]],"y":1}', b'{"f":{"a":1},"y":1}', b'{"f":"a","y":1}'], newline=b"\n", mark=True)
def test_every_line_is_what_the_definition_says(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], newline: bytes, mark: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" * mark + newline.join([b'{"y":1,"f":["seed"]}', *lines]))
    expected = {i: parsed(text) for i, text in enumerate(lines, 2) if text.strip()}
    bad = [i for i, bag in expected.items() if bag is None]
    encoder = fit(schema_of(FIELD), [{"y": 1, "f": sorted({t for bag in expected.values() for t, _ in bag or []})}])
    rejects = Rejects()
    for batch in open_source(path).batches(["f"], rejects):
        rejects.add_batch(batch, {})
    assert rejects.num_read == len(expected) + 1
    if bad:
        with pytest.raises(BadRowsError) as caught:
            encode(encoder, path)
        first, *sentences = str(caught.value).splitlines()
        assert first.startswith(f"{len(bad)} of {len(expected) + 1} rows are bad")
        assert [int(s.removeprefix(f"  {path}:").split(":")[0]) for s in sentences] == bad
        good = [text for i, text in enumerate(lines, 2) if i in expected and i not in bad]
        path.write_bytes(newline.join([b'{"y":1,"f":["seed"]}', *good]))
    names = tokens_of(encoder, "f")
    found = [[(names[i], w) for i, w in bags[0]] for bags in rows_of(encode(encoder, path), 1)]
    assert found == [[("OOV", 1.0)], *(bag for bag in expected.values() if bag is not None)]


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


def test_what_looks_like_a_date_is_the_text_that_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"y": 1, "f": "2024-05-01T00:00:00Z"}, {"y": 0, "f": "2024-05-01 00:00:00"})
    assert [bag[0][0] for bag in bags_as_tokens(fit(schema_of(FIELD), path), FIELD, path)] == [
        "2024-05-01T00:00:00Z",
        "2024-05-01 00:00:00",
    ]


def test_a_number_is_one_token_whatever_stands_beside_it(tmp_path: Path) -> None:
    """Blocks are read one by one, and each has the kinds of values that it happens to have."""
    filler = [{"y": 1, "f": "x" * 1000}] * 2000
    path = write(tmp_path / "rows.jsonl", *[{"y": 1, "f": 7}] * 50_000, *filler, {"y": 0, "f": 7.0}, {"y": 0, "f": "7"})
    assert tokens_of(fit(schema_of(FIELD), path), "f") == ["OOV", "7", "x" * 1000]


def test_numbers_written_as_numbers_or_text(tmp_path: Path) -> None:
    field = Field("f", numeric=[])
    path = write(tmp_path / "rows.jsonl", {"y": 1, "f": 2.5}, {"y": "0", "f": "3"}, {"y": 1.0, "f": 2**80}, {"y": 0})
    rows = rows_of(encode(fit(schema_of(field), path), path, with_labels=True), 1)
    assert [[w for _, w in bags[0]] for bags in rows] == [[2.5], [3.0], [2.0**80], []]


def test_whole_numbers_of_any_size_are_tokens(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"y": 1, "f": 2**70}, {"y": 1, "f": [3, 2**63]})
    assert bags_as_tokens(fit(schema_of(FIELD), path), FIELD, path) == [
        [(str(2**70), 1.0)],
        [("3", 1.0), (str(2**63), 1.0)],
    ]


def test_parallel_weights(tmp_path: Path) -> None:
    field = Field("f", weights="w")
    path = write(
        tmp_path / "rows.jsonl", {"y": 1, "f": ["a", "b"], "w": [1, 0.5]}, {"y": 1, "f": [], "w": []}, {"y": 1}
    )
    assert bags_as_tokens(fit(schema_of(field), path), field, path) == [[("a", 1.0), ("b", 0.5)], [], []]


def test_keys_of_any_name_and_only_the_wanted_ones(tmp_path: Path) -> None:
    fields = (Field("class"), Field("a b"), Field("é"), Field("c0"))
    row = {"class": "k", "a b": "l", "é": "m", "c0": "n", "y": 1, "unwanted": [[["deep"]], {"x": 1e5}]}
    path = write(tmp_path / "rows.jsonl", row)
    assert rows_of(encode(fit(schema_of(*fields), path), path), 4) == [[[(1, 1.0)]] * 4]


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"y":1,"f":' + "[" * 100_000, '{"y":1,"z":' + '{"a":' * 100_000])
def test_deep_nesting_is_a_bad_row(tmp_path: Path, deep: str) -> None:
    path = write(tmp_path / "rows.jsonl", {"y": 1, "f": "a"}, deep)
    with pytest.raises(BadRowsError, match="1 of 2 rows are bad") as caught:
        fit(schema_of(FIELD), path)
    assert f"{path}:2: is no JSON object: " in str(caught.value)


def test_a_line_of_ten_megabytes(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"y": 1, "f": ["a"]}, {"y": 0, "f": ["a"] * 3_000_000}, {"y": 1, "f": ["b"]})
    assert path.stat().st_size > 10 * 2**20
    bags = rows_of(encode(fit(schema_of(FIELD), path), path), 1)
    assert [len(row[0]) for row in bags] == [1, 3_000_000, 1]


def test_a_column_that_never_occurs_is_one_error_while_fitting(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"y": 1, "city": None}, {"y": 0, "ctiy": "a"})
    assert rows_of(encode(fit(schema_of(Field("city")), path), path), 1) == [[[]], [[]]]
    for schema, wrong, near in (
        (schema_of(Field("citys")), "citys", "city"),
        (Schema(label="yy", fields=(Field("city"),)), "yy", "y"),
    ):
        with pytest.raises(DataError) as caught:
            fit(schema, path)
        assert f'{path}: column "{wrong}" never occurs' in str(caught.value)
        assert near in str(caught.value)
        assert not isinstance(caught.value, BadRowsError)


def test_one_array_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"y": 1, "f": "a"}], indent=1))
    with pytest.raises(DataError, match="is one JSON array; JSON Lines has an object a line"):
        fit(schema_of(FIELD), path)
