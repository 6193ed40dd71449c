"""CSV: quotes are judged while the file is read, as the csv module would; empty lines of a single column are rows."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from row_lists import encode, fit, rows_of, schema_of

from manyhot.data import Rejects, open_source
from manyhot.errors import BadRowsError
from manyhot.kernels import QuoteScan
from manyhot.schema import Field

MARK = b"\xef\xbb\xbf"
pieces = st.lists(st.sampled_from([b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"a", b"\t", MARK, b"\xc3", b"\x00"]))


def definition(data: bytes, delimiter: str) -> bool:
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="replace", newline="")
    try:
        for _ in csv.reader(text, delimiter=delimiter, strict=True):
            pass
    except csv.Error:
        return False
    return True


@settings(deadline=None, max_examples=300)
@given(pieces.map(b"".join), st.sampled_from(",\t"), st.lists(st.integers(0, 40), max_size=5))
@example(MARK + b'"a"x', ",", [1, 2])
@example(MARK[:2] + b'"a', ",", [1])
@example(MARK + MARK + b'"a', ",", [])
@example(b'a"', ",", [])
@example(b'"a"', ",", [2])
@example(b'"a""', ",", [3])
@example(b'"a"\r\n"b', ",", [3, 4])
def test_quotes_are_judged_as_the_csv_module_does(data: bytes, delimiter: str, cuts: list[int]) -> None:
    scan, edges = QuoteScan(delimiter.encode()), [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, stop in itertools.pairwise(edges):
        scan.feed(data[start:stop])
    assert scan.is_closed == definition(data, delimiter)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("lead", [0, 2])
@pytest.mark.parametrize("header", [True, False])
def test_an_empty_line_of_a_single_column_is_a_row(tmp_path: Path, newline: str, lead: int, header: bool) -> None:
    encoder = fit(schema_of(Field("f")), {"f": ["a", "b"], "y": [0, 0]})
    path, rows = tmp_path / "rows.csv", ["a", "", "b", "", "", '""', "a", ""]
    lines = [*[""] * lead, *(["f"] if header else []), *rows]
    path.write_bytes(newline.join([*lines, ""]).encode())
    found = rows_of(encode(encoder, path, columns=None if header else ["f"]), 1)
    known = {"a": [(1, 1.0)], "b": [(2, 1.0)]}
    expected = [[known.get(row, [])] for row in ([] if header else [""] * lead) + rows]
    assert found == expected


def test_lines_are_numbered_where_empty_ones_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    encoder = fit(schema_of(Field("f", numeric=[])), {"f": [1], "y": [0]})
    for text, line in (("f\n1\n\nx\n", 4), ("\n\nf\n\n1\nx\n", 6), ("f\n\n1,2\n3\n", 3), ("\n\nf\n\n1,2\nx\n", 5)):
        path.write_text(text)
        with pytest.raises(BadRowsError) as caught:
            encode(encoder, path)
        assert f"\n  {path}:{line}: " in str(caught.value)


def test_more_columns_skip_empty_lines_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\ny,f\n\n1,a\n\n\n0,b\n")
    assert sum(b.batch.num_rows for b in open_source(path).batches(["f"], Rejects())) == 2
