"""Blocks of whole lines: the lines of the file, whatever the size of a block."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_lists import fit, schema_of, sentences_of

from manyhot.data import Rejects
from manyhot.data.sources import _lines
from manyhot.data.sources._file import File
from manyhot.data.sources._lines import blocks
from manyhot.errors import DataError
from manyhot.schema import Field


def read(path: Path, size: int) -> tuple[dict[int, bytes], Rejects]:
    """Lines by number; those that went to the rejects are empty."""
    rejects, lines = Rejects(), {}
    for block in blocks(File(path.name, str(path)), "text", rejects, size):
        lines |= dict(enumerate(block.data.removesuffix(b"\n").split(b"\n"), block.first_line))
    return lines, rejects


parts = st.sampled_from([b"a", b"\n", b"\r\n", b"\xc3\xa9", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\0", b"some text"])


@settings(deadline=None, max_examples=150)
@given(st.lists(parts, max_size=30).map(b"".join), st.integers(3, 20))
def test_blocks_are_the_lines_of_the_file(data: bytes, size: int) -> None:
    def is_text(line: bytes) -> bool:
        try:
            return line.decode() is not None
        except UnicodeDecodeError:
            return False

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(data)
        found, rejects = read(path, size)
    text = data.removeprefix(b"\xef\xbb\xbf")
    lines = dict(enumerate(text.removesuffix(b"\n").split(b"\n"), 1)) if text else {}
    assert found == {number: line if is_text(line) else b"" for number, line in lines.items()}
    bad = [number for number, line in lines.items() if not is_text(line)]
    assert [int(sentence.split(":")[1]) for sentence in sentences_of(rejects)] == bad[:10]
    assert rejects.num_read == rejects.num_rejected == len(bad)


def test_a_bad_line_is_named_with_its_byte(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"good\nb\xc3\xa9\xffd\ngood\n")
    rejects = read(tmp_path / "rows", 1 << 20)[1]
    assert list(sentences_of(rejects)) == ["rows:2: is not UTF-8 text, from byte 4 on"]


def test_a_file_without_a_line_break_ends_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lines, "_LONGEST", 4 << 20)
    (tmp_path / "rows.jsonl").write_bytes(b"\0" * (16 << 20))
    with pytest.raises(DataError, match=r"rows\.jsonl: a line is longer than 4 MiB; is it a JSON Lines file\?"):
        fit(schema_of(Field("f")), tmp_path / "rows.jsonl")


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.svm.gz", "rows.ffm.gz", "rows.vw.gz"])
def test_truncated_gz(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"".join(b"%d\n" % (i * 7919) for i in range(100_000)))[:-5000])
    with pytest.raises(DataError) as caught:
        fit(schema_of(Field("f")), path)
    assert str(caught.value).startswith(f"{path}: cannot read it as ")
