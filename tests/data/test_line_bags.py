"""libsvm, libffm and VW text against slow parsers in plain Python: every line, good or bad."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import line_oracle
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, rows_of, sentences_of, tokens_of

from manyhot.data import Rejects, open_source
from manyhot.errors import BadRowsError, DataError
from manyhot.kernels import LineFormat, parse_lines
from manyhot.schema import Field, Reading, Schema

TEXTS = {
    "libsvm": ("label", "qid"),
    "libffm": ("label", "comment"),
    "vw": ("label", "importance", "base", "tag"),
}
BAGS = ("features", "a", "b", "é", "qid")


def read(name: str, data: bytes) -> tuple[dict[int, dict[str, Any]], Rejects, set[int]]:
    """Rows by the number of their line, the rejects, and the numbers of the lines that they name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.txt"
        path.write_bytes(data)
        columns, rejects, rows = (*TEXTS[name], *(b for b in BAGS if b not in TEXTS[name])), Rejects(), {}
        batches = open_source(path, reading=Reading(format=name)).batches(columns, rejects)
        for batch in rejects.announced(batches):
            rejects.add_batch(batch, {})
            for i, row in enumerate(batch.batch.to_pylist()):
                rows[batch.reject(i, "").line] = row
        numbers = {int(sentence.removeprefix(f"{path}:").split(":")[0]) for sentence in sentences_of(rejects)}
        return rows, rejects, numbers


def check(name: str, data: bytes) -> None:
    expected, bad = line_oracle.read(name, data)
    rows, rejects, numbers = read(name, data)
    assert rejects.num_read == len(expected) + len(bad)
    assert rejects.num_rejected == len(bad)
    assert numbers == set(sorted(bad)[:10])
    assert rows.keys() == expected.keys()
    for number, line in expected.items():
        row = rows[number]
        for text in TEXTS[name]:
            assert row.pop(text) == line.values.get(text), (number, text)
        for bag, pairs in row.items():
            assert [(pair["token"], pair["weight"]) for pair in pairs or []] == line.bags.get(bag, []), (number, bag)


numbers = st.sampled_from(["1", "-1", "+1", "0", "0.5", "1e3", "1e400", "nan", "", "x", "-0.25", "3e38", "1_0", "+-1"])
tokens = st.text("abé:1#'%=-", max_size=4)
names = st.sampled_from(["a", "b", "é", "features", "qid", ""])
spaces = st.sampled_from([" ", "  ", "\t", " \t "])


@st.composite
def lines(draw: st.DrawFn, name: str) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=20)).replace(b"\n", b"")
    if draw(st.integers(0, 9)) == 0:
        return draw(st.text("a1:|%#' \tqid\r.-", max_size=20)).encode()
    space = draw(spaces)
    head = [draw(numbers)] * draw(st.booleans())
    if name == "libsvm":
        head += [f"qid:{draw(tokens)}"] * draw(st.booleans())
        pairs = [f"{draw(tokens)}:{draw(numbers)}" for _ in range(draw(st.integers(0, 4)))]
        tail = draw(st.sampled_from(["", " # a:b", "#", " #"]))
        text = space.join([*head, *pairs]) + tail
    elif name == "libffm":
        pairs = [f"{draw(names)}:{draw(tokens)}:{draw(numbers)}" for _ in range(draw(st.integers(0, 5)))]
        text = space.join([*head, *pairs]) + draw(st.sampled_from(["", "%ID_1", " % a:b:1 ", "%"]))
    else:
        head += [draw(numbers) for _ in range(draw(st.integers(0, 3)))]
        text = space.join([*head, *["'" * draw(st.booleans()) + draw(tokens)] * draw(st.booleans())])
        text += draw(st.sampled_from(["", " ", "\t"]))
        for _ in range(draw(st.integers(0, 3))):
            scale = f":{draw(numbers)}" if draw(st.integers(0, 3)) == 0 else ""
            pairs = [draw(tokens) + f":{draw(numbers)}" * draw(st.booleans()) for _ in range(draw(st.integers(0, 4)))]
            text += f"|{draw(names)}{scale}{space}{space.join(pairs)}" + draw(st.sampled_from(["", " "]))
    return text.encode()


@pytest.mark.parametrize("name", TEXTS)
def test_every_line_is_what_the_definition_says(name: str) -> None:
    newlines = st.sampled_from([b"\n", b"\r\n"])

    @settings(deadline=None, max_examples=150)
    @given(st.lists(lines(name), max_size=14), newlines, st.booleans(), st.booleans())
    @example([b"1 a:1", b"", b"\xff", b"-1 a:1 ", b"0"], b"\n", True, True)
    @example([b"1 2 0.5 'tag|a:2 x y:3|b z", b"1|a x", b"1 |a x", b"|"], b"\n", False, True)
    def compare(found: list[bytes], newline: bytes, mark: bool, ends: bool) -> None:
        check(name, b"\xef\xbb\xbf" * mark + newline.join(found) + newline * ends)

    compare()


@pytest.mark.parametrize(("name", "line"), [("libsvm", "1 7:0.5 "), ("libffm", "1 a:7:0.5 "), ("vw", "1 |a 7:0.5 ")])
def test_a_line_of_ten_megabytes_and_many_blocks(name: str, line: str) -> None:
    """Blocks are 4 MiB."""
    pair = line.split()[-1]
    long = line + f" {pair}" * (10 * 2**20 // (len(pair) + 1))
    data = (line + "\n") * 3 + long + "\n" + (line + "\n") * 100_000 + "1 x:\n" * (name == "libsvm") + long
    rows, rejects, numbers = read(name, data.encode())
    assert rejects.num_read == 100_005 + (name == "libsvm")
    assert rejects.num_rejected == len(numbers) == (name == "libsvm")
    bag = "features" if name == "libsvm" else "a"
    lengths = {number: len(row[bag]) for number, row in rows.items() if len(row[bag]) > 1}
    assert lengths == dict.fromkeys([4, rejects.num_read], len(long.split()) - 1 - (name == "vw"))
    assert rows[3][bag] == rows[99_999][bag] == [{"token": "7", "weight": 0.5}]


def schema(*columns: str) -> Schema:
    return Schema(label="label", fields=tuple(Field(c) for c in columns))


def test_a_column_that_never_occurs_is_one_error_while_fitting(tmp_path: Path) -> None:
    path = tmp_path / "rows.ffm"
    path.write_text("1 user:a:1 itm:b:1\n0 user:c:1\n")
    with pytest.raises(DataError) as caught:
        fit(schema("user", "item"), path)
    assert str(caught.value) == f'{path}: column "item" never occurs; did you mean "itm"?'
    with pytest.raises(DataError, match='column "zzz" never occurs; known: itm, label, user'):
        fit(schema("user", "zzz"), path)
    with pytest.raises(DataError, match='column "lable" never occurs; did you mean "label"'):
        fit(Schema(label="lable", fields=(Field("user"),)), path)
    with pytest.raises(DataError, match='column "price" never occurs'):
        fit(Schema(label="label", fields=(Field("price", numeric=[]),)), path)


def test_an_absent_column_is_empty_once_fitted(tmp_path: Path) -> None:
    (tmp_path / "a.ffm").write_text("1 user:a:1\n")
    (tmp_path / "b.ffm").write_text("1 user:b:1 item:c:2\n")
    encoder = fit(schema("user", "item"), tmp_path)  # occurring in one of the files is occurring
    assert tokens_of(encoder, "item") == ["OOV", "c"]
    assert rows_of(encode(encoder, tmp_path / "a.ffm"), 2) == [[[(1, 1.0)], []]]


def test_a_file_of_bad_lines_tells_them_and_not_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.ffm"
    path.write_text("1 a\n0 b\n")
    with pytest.raises(BadRowsError, match="2 of 2 rows are bad") as caught:
        fit(schema("user"), path)
    assert f"{path}:1: holds something that is not field:feature:value: 'a'" in str(caught.value)


def test_a_namespace_named_like_a_single_value_has_a_bar(tmp_path: Path) -> None:
    path = tmp_path / "rows.vw"
    path.write_text("1 'first |tag news |label x\n-1 |tag sports\n")
    encoder = fit(schema("tag", "|tag", "|label"), path)
    assert [tokens_of(encoder, name) for name in ("tag", "|tag", "|label")] == [
        ["OOV", "first"],
        ["OOV", "news", "sports"],
        ["OOV", "x"],
    ]
    path.write_text("1 |tag news\n-1 |tag sports\n")
    with pytest.raises(DataError, match=r'column "tag" never occurs; did you mean "\|tag"'):
        fit(schema("tag"), path)


def test_labels_and_weights_of_examples(tmp_path: Path) -> None:
    path = tmp_path / "rows.vw"
    path.write_text("-1 2.5 |a x\n+1 |a x:0.5\n1.0 |a y\n0 |a x\n")
    encoder = fit(schema("a"), path)
    chunks = encode(encoder, path, with_labels=True)
    assert np.concatenate([chunk.labels for chunk in chunks]).tolist() == [0, 1, 1, 0]
    path.write_text("2 |a x\nclick |a x\n|a x\n")
    with pytest.raises(BadRowsError, match="3 of 3 rows are bad"):
        fit(schema("a"), path)


def test_the_native_parser_refuses_what_is_no_format() -> None:
    with pytest.raises(ValueError, match="no such format"):
        parse_lines(b"1 a:1\n", 7, [])
    assert parse_lines(b"", LineFormat.VW, ["a"]).lines.tolist() == []
