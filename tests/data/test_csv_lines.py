"""CSV: the number in "file:line" is the line of the file as an editor shows it, whatever stood before."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from row_lists import bags_as_tokens, fit, schema_of

from manyhot.errors import BadRowsError, DataError
from manyhot.schema import Field

FIELD = Field("a")
SCHEMA = schema_of(FIELD)


def bad_places(path: Path, names: tuple[str, ...] | None = None) -> tuple[str, list[str]]:
    """The first line of the error, and "line: reason" of each row."""
    with pytest.raises(BadRowsError) as caught:
        fit(SCHEMA, path, columns=names)
    first, *lines = str(caught.value).splitlines()
    if lines[-1].startswith("  ... and "):
        lines.pop()
    assert all(line.startswith(f"  {path}:") for line in lines)
    return first, [line.removeprefix(f"  {path}:") for line in lines]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("lead", [0, 2])
def test_blank_lines_and_short_lines_move_no_number(tmp_path: Path, newline: str, last: str, lead: int) -> None:
    lines = [*[""] * lead, "y,a", "1,a", "", "1,b,3", "", "", "2,c", "1", "0,d", "", "x,e", "1,f"]
    for name, write in (("rows.csv", bytes), ("rows.csv.gz", gzip.compress)):
        path = tmp_path / name
        path.write_bytes(write(newline.join(lines).encode() + last.encode()))
        first, places = bad_places(path)
        assert first.startswith("4 of 7 rows are bad (3 are good)")
        wanted = {
            "1,b,3": "3 columns instead of 2",
            "2,c": "neither 0 nor 1",
            "1": "1 columns instead",
            "x,e": "not a number",
        }
        found = {lines[int(place.split(":")[0]) - 1]: place for place in places}
        assert set(found) == set(wanted)
        assert all(wanted[line] in place for line, place in found.items())


def test_rows_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("y,a\n2,a\n1,b,3\n2,c\n1\n")
    assert [int(place.split(":")[0]) for place in bad_places(path)[1]] == [2, 3, 4, 5]


def test_the_first_ten_are_the_first_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("y,a\n" + "2,a\n" * 10 + "1\n" * 10)
    assert [int(place.split(":")[0]) for place in bad_places(path)[1]] == list(range(2, 12))


def test_lines_without_a_header_count_from_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("1\ta\n\n1\n2\tb\n")
    first, places = bad_places(path, ("y", "a"))
    assert first.startswith("2 of 3 rows are bad (1 are good)")
    assert sorted(place[:2] for place in places) == ["3:", "4:"]


def test_every_row_too_short_is_every_row_bad(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("1\n0\n1\n")
    assert bad_places(path, ("y", "a"))[0].startswith("3 of 3 rows are bad (0 are good)")


def test_numbers_hold_beyond_the_first_block(tmp_path: Path) -> None:
    """Files are read in blocks of 8 MiB."""
    path = tmp_path / "rows.csv"
    filler = "1," + "x" * 1022 + "\n"
    text = "y,a\n" + filler * 100 + "1\n\n" + filler * 20_000
    bad = text.count("\n") + 1
    path.write_text(text + "\n2,late\n1,2,3\n" + filler + "3,later\n")
    first, places = bad_places(path)
    assert first.startswith(f"4 of {20_000 + 100 + 5} rows are bad ({20_000 + 100 + 1} are good)")
    assert sorted(int(place.split(":")[0]) for place in places) == [102, bad + 1, bad + 2, bad + 4]


def test_numbers_hold_after_a_quoted_line_break(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('y,a\n1,"a\nb"\n2,c\n')
    assert bad_places(path)[1][0].startswith("4: ")


def test_bad_utf8_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"y,a\n1,a\n1,caf\xe9\n\n1,b\n")
    first, places = bad_places(path)
    assert first.startswith("1 of 3 rows are bad (2 are good)")
    assert places == ['3: column "a" is not UTF-8 text']


def test_a_byte_order_mark_belongs_to_no_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbfa,y\nx,1\n")
    assert bags_as_tokens(fit(SCHEMA, path), FIELD, path) == [[("x", 1.0)]]


def test_quotes_hold_separators_and_line_breaks_end_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,y,other\r\n"x, ""y""",1,\r\n,0,z\r\n"",1,z\r\n')
    assert bags_as_tokens(fit(SCHEMA, path), FIELD, path) == [[('x, "y"', 1.0)], [], []]


@pytest.mark.parametrize(
    "text", ['y,a\n1,"b\n0,c\n1,"d\n0,e\n', 'y,a\n1,x\n1,"b\n1,c\n0,d\n', 'y,a\n1,c\n1,"x', 'y,a\n1,c\n"1,x\n']
)
def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"rows\.csv"):
        fit(SCHEMA, path)
