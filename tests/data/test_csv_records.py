"""CSV: values, rows, lines and wrong quotes are those of Python's csv module, wherever the blocks are cut."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manyhot.data import Rejects, open_source
from manyhot.data.sources import _csv_blocks
from manyhot.errors import DataError
from manyhot.schema import BadRows, Reading

MARK = b"\xef\xbb\xbf"
NAMES = ("a", "b", "c")
ALL = BadRows(max_fraction=1.0)
texts = st.lists(
    st.sampled_from(
        [b'"', b'""', b'"x"', b",", b",", b"\n", b"\r", b"\r\n", b"a", b"\t", MARK, b"\xc3", b"\x00", b" "]
    ),
    max_size=40,
).map(b"".join)


@dataclass
class Records:
    """rows: line and values; bad: line and number of values; unended: the line of a record with a wrong quote."""

    rows: list[tuple[int, list[bytes]]] = field(default_factory=list)
    bad: list[tuple[int, int]] = field(default_factory=list)
    unended: int | None = None


def definition(data: bytes, delimiter: str, quote: bool, names: tuple[str, ...]) -> Records:
    out, line = Records(), 1
    text = io.TextIOWrapper(io.BytesIO(data.removeprefix(MARK)), encoding="latin-1", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE)
    try:
        for record in reader:
            values = [value.encode("latin-1") for value in record] or [b""] * (len(names) == 1)
            if len(values) == len(names):
                out.rows.append((line, values))
            elif values:
                out.bad.append((line, len(values)))
            line = reader.line_num + 1
    except csv.Error:
        out.unended = line
    return out


def read(data: bytes, delimiter: str, quote: bool, names: tuple[str, ...]) -> Records:
    out, rejects = Records(), Rejects(ALL)
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(data)
        source = open_source(file.name, reading=Reading(columns=names, delimiter=delimiter, quote=quote))
        try:
            for batch in rejects.announced(source.batches(names, rejects)):
                assert all(kind == pa.large_binary() for kind in batch.batch.schema.types)
                batch.batch.validate(full=True)
                for i, row in enumerate(batch.batch.to_pylist()):
                    out.rows.append((batch.reject(i, "").line or 0, [row[name] or b"" for name in names]))
                rejects.add_batch(batch, {})
            rejects.check()
        except DataError as error:
            assert "is empty" in str(error) or f"{file.name}:" in str(error)
            out.unended = None if "is empty" in str(error) else int(str(error).split(":")[1])
    bad = pa.Table.from_batches([*rejects.batches()]).to_pylist() if rejects.num_rejected else []
    out.bad = [(reject["line"], int(reject["reason"].split()[1])) for reject in bad]
    return out


@settings(deadline=None, max_examples=250)
@given(texts, st.sampled_from(",\t"), st.booleans(), st.integers(1, 3), st.sampled_from([1, 2, 3, 5, 8, 8 << 20]))
@example(b'a,"b\r\nc"\r\nd\r', ",", True, 2, 1)
@example(MARK + b'"a",b\r', ",", True, 2, 2)
@example(MARK + MARK + b'"a",b', ",", True, 2, 3)
@example(b'"a""",b\n""x', ",", True, 2, 3)
@example(b"\r\r\n\n\r", ",", False, 1, 1)
@example(b'"\r\n"\r\n', ",", True, 1, 2)
def test_records_are_those_of_the_csv_module(data: bytes, delimiter: str, quote: bool, count: int, block: int) -> None:
    expected = definition(data, delimiter, quote, NAMES[:count])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_csv_blocks, "_BLOCK", block)
        found = read(data, delimiter, quote, NAMES[:count])
    assert found.unended == expected.unended
    if expected.unended is None:
        assert (found.rows, found.bad) == (expected.rows, expected.bad)
    else:  # the blocks before it may not have been read yet
        assert found.rows == expected.rows[: len(found.rows)]
        assert found.bad == expected.bad[: len(found.bad)]


def test_wanted_columns_may_come_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'\n\na,b,c\r\n1,"2\n""",3\r\n\r\n,,\r\n4,5,6')
    batches = list(open_source(path).batches(["c", "a"], Rejects()))
    rows = [row for batch in batches for row in batch.batch.to_pylist()]
    assert rows == [{"c": b"3", "a": b"1"}, {"c": None, "a": None}, {"c": b"6", "a": b"4"}]
    bad = [batch.reject(i, "") for batch in batches for i in range(batch.batch.num_rows)]
    assert [reject.line for reject in bad] == [4, 7, 8]
    assert [reject.text for reject in bad] == [b'1,"2\n""",3', b",,", b"4,5,6"]


def test_a_line_longer_than_a_block_is_a_row_like_others(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    long = b"x" * (20 << 20)
    path.write_bytes(b"a\tb\n1\t2\n" + long + b"\t3\n4\t" + long + b"\n5\t6\n" + long + b"\n7\t8\n")
    rejects = Rejects(ALL)
    batches = [batch.batch for batch in rejects.announced(open_source(path).batches(["a", "b"], rejects))]
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(len(row["a"]), len(row["b"])) for row in rows] == [(1, 1), (len(long), 1), (1, len(long)), (1, 1), (1, 1)]
    rejects.check()
    (bad,) = pa.Table.from_batches([*rejects.batches()]).to_pylist()
    assert (bad["line"], bad["reason"]) == (6, "has 1 columns instead of 2")
    assert bad["text"] == "x" * 1000
