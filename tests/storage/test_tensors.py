"""Tensors in a file: every safetensors reader reads them, ours reads nothing else."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from safetensors.numpy import load_file, save_file

from manyhot.storage import opened_tensors, tensors_checksum, write_tensors

KINDS = ("u1", "<i4", "<i8", "<u8", "<f4", "<f8")
OURS = ("checksum", "__metadata__")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda name: name not in OURS)
SHAPES = nps.array_shapes(min_dims=0, min_side=0, max_side=3)
ARRAYS = st.sampled_from(KINDS).flatmap(lambda kind: nps.arrays(kind, SHAPES))


def read(path: Path) -> tuple[str, dict[str, Any]]:
    with opened_tensors(path) as file:
        file.check()
        return file.note, file.read()


@settings(max_examples=60)
@given(st.dictionaries(NAMES, ARRAYS, max_size=6))
def test_we_and_the_library_read_what_is_written(tmp_path_factory: Any, tensors: dict[str, np.ndarray]) -> None:
    folder = tmp_path_factory.mktemp("tensors")
    note = json.dumps({"names": sorted(tensors)})
    write_tensors(folder / "ours", note, tensors)
    found_note, found = read(folder / "ours")
    assert found_note == note and found.keys() == tensors.keys()
    theirs = load_file(folder / "ours")
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
        np.testing.assert_array_equal(theirs[name], array, strict=True)
    save_file({**tensors, "checksum": tensors_checksum(note, tensors)}, folder / "theirs", {"manyhot": note})
    assert (folder / "ours").read_bytes() == (folder / "theirs").read_bytes()


def test_others_may_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_tensors(tmp_path / "m", "{}", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o644


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    for note in ("{", "[1e999]", json.dumps("x" * 5_000_000)):
        with pytest.raises(ValueError):
            write_tensors(tmp_path / "m", note, {})
    assert list(tmp_path.iterdir()) == []


def rebuilt(header: dict[str, Any], data: bytes, *, pad: bytes = b" ") -> bytes:
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += pad * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def entry(header: dict[str, Any], **changes: Any) -> None:
    header["a"].update(changes)


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no note": lambda h: h.pop("__metadata__"),
    "two notes": lambda h: h["__metadata__"].update(more="x"),
    "another note": lambda h: h["__metadata__"].update(manyhot="[]"),
    "note is a number": lambda h: h["__metadata__"].update(manyhot=1),
    "unknown type": lambda h: entry(h, dtype="BF16"),
    "type is a list": lambda h: entry(h, dtype=["F32"]),
    "another type of the same size": lambda h: entry(h, dtype="I32"),
    "another shape of the same size": lambda h: entry(h, shape=[3, 2]),
    "shape of floats": lambda h: entry(h, shape=[2.0, 3]),
    "shape of bools": lambda h: entry(h, shape=[True, 6]),
    "negative shape": lambda h: entry(h, shape=[-2, -3]),
    "overflowing shape": lambda h: entry(h, shape=[2**32, 2**32]),
    "many dimensions": lambda h: entry(h, shape=[2, 3] + [1] * 40),
    "huge": lambda h: entry(h, shape=[2**40], data_offsets=[0, 2**42]),
    "overlapping": lambda h: h["b"].update(data_offsets=[8, 40]),
    "gap": lambda h: h["b"].update(data_offsets=[32, 64]),
    "end before start": lambda h: entry(h, data_offsets=[24, 0]),
    "offsets of floats": lambda h: entry(h, data_offsets=[0.0, 24.0]),
    "one offset": lambda h: entry(h, data_offsets=[24]),
    "more keys": lambda h: entry(h, more=1),
    "fewer keys": lambda h: h["a"].pop("shape"),
    "entry is a list": lambda h: h.update(a=[]),
    "another name": lambda h: h.update({"..": h.pop("a")}),
    "no checksum": lambda h: h.update(chicksum=h.pop("checksum")),
    "a float checksum": lambda h: h["checksum"].update(dtype="F32", shape=[8]),
    "one more": lambda h: h.update(z={"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}),
    "one more at the end": lambda h: h.update(
        z={"dtype": "U8", "shape": [0], "data_offsets": [h["checksum"]["data_offsets"][1]] * 2}
    ),
}


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, dict[str, Any], bytes]:
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(32, dtype=np.uint8)}
    write_tensors(tmp_path / "m", "{}", tensors)
    raw = (tmp_path / "m").read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    return tmp_path / "m", json.loads(raw[8:end]), raw[end:]


@pytest.mark.parametrize("case", DAMAGE)
def test_a_wrong_header_is_refused(parts: tuple[Path, dict[str, Any], bytes], case: str) -> None:
    path, header, data = parts
    path.write_bytes(rebuilt(header, data))
    read(path)
    DAMAGE[case](header)
    path.write_bytes(rebuilt(header, data))
    with pytest.raises(ValueError):
        read(path)


def test_one_content_has_one_spelling(parts: tuple[Path, dict[str, Any], bytes]) -> None:
    path, header, data = parts
    text = json.dumps(header, separators=(",", ":")).encode()
    spaced = json.dumps(header).encode()
    others = (spaced, text + b"\n", text + b" " * 80, text.replace(b"24", b"2.4e1"), text.replace(b'"a"', b'"\\u0061"'))
    for other in others:
        path.write_bytes(len(other).to_bytes(8, "little") + other + data)
        with pytest.raises(ValueError):
            read(path)


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**62, 2**64 - 1])
def test_a_wrong_length_is_refused(parts: tuple[Path, dict[str, Any], bytes], length: int) -> None:
    path, _, _ = parts
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ValueError):
        read(path)


def test_a_file_of_holes_takes_no_memory(tmp_path: Path) -> None:
    """A terabyte that takes no space on disk: its header alone is read, or that of a header that is too long."""
    huge = {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40 - 32]}
    header = {"__metadata__": {"manyhot": "{}"}, "a": huge}
    (tmp_path / "m").write_bytes(rebuilt(header, b""))
    os.truncate(tmp_path / "m", 2**40)
    with pytest.raises(ValueError):
        read(tmp_path / "m")
    (tmp_path / "m").write_bytes((2**39).to_bytes(8, "little"))
    os.truncate(tmp_path / "m", 2**40)
    with pytest.raises(ValueError, match="at most 4,194,304 are read"):
        read(tmp_path / "m")


def test_a_file_that_becomes_shorter_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m"
    write_tensors(path, "{}", {"a": np.zeros(1_000_000)})
    with opened_tensors(path) as file:
        os.truncate(path, 5_000_000)
        for reading in (file.read, file.check):
            with pytest.raises(ValueError, match="became shorter"):
                reading()


def test_every_bit_counts(tmp_path: Path) -> None:
    """Also those of a name that JSON could spell otherwise: its \\u001f and \\u001F are one character."""
    path = tmp_path / "m"
    write_tensors(path, json.dumps({"a": "\x1f\\", "b": "é"}), {"\x1fé": np.arange(3, dtype=np.int32)})
    raw = path.read_bytes()
    for bit in range(8 * len(raw)):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError):
            read(path)
