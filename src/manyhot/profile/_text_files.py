"""Text files: what their first lines say of format, delimiter and header."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow.compute as pc

from manyhot.data import Files, Rejects, open_source
from manyhot.errors import DataError
from manyhot.schema import Reading, convert

__all__ = ["names_in_lines", "read_lines", "sniff"]

_AVAZU_COLUMNS = ["id", "click", "hour", "C1", "banner_pos", "site_id"]
_NUM_LINES, _LONGEST_LINE = 2000, 32 << 20
_COLUMNAR = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
_LIBFFM = re.compile(r"[-+\d.eE]+(\s+[^\s:]+:[^\s:]+:[-+\d.eE]+)+\s*(%.*)?")
_LIBSVM = re.compile(r"[-+\d.eE]+(\s+qid:\S+)?(\s+\d+:[-+\d.eE]+)+\s*(#.*)?")
_VW = re.compile(r"(-?1|0)\b[^|]*\|.*")
_HEX = re.compile(r"[0-9a-f]{8}|")
_INTEGER = re.compile(r"-?\d+|")
# A separator that no text holds leaves whole lines.
_LINES = Reading(format="csv", columns=("line",), delimiter="\x01", quote=False)


def read_lines(data: Sequence[str], folder: Path) -> list[str] | None:
    """The first lines; None where these are no text files."""
    source = open_source(list(data), folder=folder, reading=_LINES)
    if not isinstance(source, Files) or source.files[0].ending in _COLUMNAR:
        return None
    lines: list[str] = []
    for batch in source.batches(["line"], Rejects()):
        found = batch.batch.column(0)[:_NUM_LINES]
        longest = pc.max(pc.binary_length(found)).as_py() or 0
        if longest > _LONGEST_LINE:
            raise DataError(
                f"{source.name}: one of its first lines has {longest:,} bytes, too many for init to look at; are these "
                "files of rows?"
            )
        lines += [(line or b"").decode(errors="replace") for line in found.to_pylist()]
        break
    if not lines:
        raise DataError(f"{source.name}: is empty; there are no rows")
    return [lines[0].removeprefix("\ufeff"), *lines[1:_NUM_LINES]]


def sniff(data: Sequence[str], folder: Path, lines: list[str]) -> tuple[Reading, bool]:
    """How to read files that begin with these lines, and whether their columns have names."""
    source = open_source(list(data), folder=folder, reading=_LINES)
    assert isinstance(source, Files)
    ending = source.files[0].ending
    own = _line_format(lines)
    if own is not None:
        named = ending not in ("", *_DELIMITERS)
        return Reading() if named else convert({"format": own}, Reading, "data"), True
    if not any(line.strip("\r\n") for line in lines):
        many = f"its first {len(lines):,} lines are" if len(lines) == _NUM_LINES else "all its lines are"
        raise DataError(f"{source.name}: {many} empty, so that nothing can be said of the columns; remove them")
    csv.field_size_limit(1 << 30)
    usual = _DELIMITERS.get(ending)
    delimiter = _delimiter(lines, usual)
    first, rows = _records(lines, delimiter)
    reading = Reading(
        format=None if usual else "csv", delimiter=delimiter if delimiter != usual or usual is None else None
    )
    if first[: len(_AVAZU_COLUMNS)] == _AVAZU_COLUMNS:
        return Reading(format="avazu"), True
    if not _is_data(first, rows):
        return reading, True
    if _is_criteo(first, rows):
        return Reading(format="criteo"), True
    names = tuple(f"c{i}" for i in range(1, len(first) + 1))
    return msgspec.structs.replace(reading, columns=names), False


def names_in_lines(lines: list[str]) -> list[str]:
    """The columns of a line format, in the order in which they turn up."""
    kind, names = _line_format(lines), ["label"]
    if kind == "jsonl":
        names = [name for line in lines if line.strip() for name in _keys(line)]
    elif kind == "libffm":
        names += [pair.split(":", 1)[0] for line in lines for pair in line.split("%")[0].split()[1:]]
    elif kind == "libsvm":
        names += ["features", *(["qid"] if any(" qid:" in line for line in lines) else [])]
    elif kind == "vw":
        spaces = (part.split(" ", 1)[0].split(":")[0] for line in lines for part in line.split("|")[1:])
        names += [space or "features" for space in spaces]
    return list(dict.fromkeys(names))


def _keys(line: str) -> list[str]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []  # the source will say where and why
    return list(found) if isinstance(found, dict) else []


def _line_format(lines: list[str]) -> str | None:
    filled = [line for line in lines[:100] if line.strip() and not line.startswith("#")]
    if filled and all(line.lstrip().startswith("{") for line in filled):
        return "jsonl"
    for name, shape in (("libffm", _LIBFFM), ("libsvm", _LIBSVM), ("vw", _VW)):
        if filled and all(shape.fullmatch(line.strip()) for line in filled):
            return name
    return None


def _delimiter(lines: list[str], usual: str | None) -> str:
    """The usual one where it makes columns, else what cuts all lines into the same number of columns."""
    widths = {d: _width(lines, d) for d in dict.fromkeys([usual or ",", "\t", ",", ";", "|"])}
    if widths[usual or ","] > 1:
        return usual or ","
    best = max(widths, key=lambda d: widths[d])
    return best if widths[best] > 1 else usual or ","


def _width(lines: list[str], delimiter: str) -> int:
    """Columns of nearly every line, 0 where they differ."""
    widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    if not widths:
        return 0
    width, times = widths.most_common(1)[0]
    return width if times >= 0.9 * widths.total() else 0


def _records(lines: list[str], delimiter: str) -> tuple[list[str], list[list[str]]]:
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    return rows[0], rows[1:]


def _is_data(first: list[str], rows: list[list[str]]) -> bool:
    """Whether the first record is a row: it holds a number, or values that come back below."""
    if first == [str(i) for i in range(len(first))]:
        return False  # the header that pandas gives to columns without names
    if any(_is_number(cell) for cell in first):
        return True
    below: list[set[str]] = [set(column) for column in zip(*(r for r in rows if len(r) == len(first)), strict=True)]
    return bool(below) and sum(cell in seen for cell, seen in zip(first, below, strict=True)) * 2 >= len(first)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_criteo(first: list[str], rows: list[list[str]]) -> bool:
    """Criteo's competition file: a label, 13 whole numbers, 26 hashes of 8 digits, any of them missing."""
    return all(
        len(row) == 40
        and row[0] in ("0", "1")
        and all(_INTEGER.fullmatch(cell) for cell in row[1:14])
        and all(_HEX.fullmatch(cell) for cell in row[14:])
        for row in (first, *rows[:200])
    )
