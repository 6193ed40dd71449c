"""Lines of id:weight that were damaged in every way, and what a plain reader makes of them, beside the Encoder.

python tests/data/mutated_lines.py [--lines 1000000] [--seed 1]     counts and seconds, or the first difference
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manyhot.data import Encoder, Rejects, open_source
from manyhot.schema import BadRows, Field, Reading, Schema, Separators, Vocabulary

__all__ = ["check"]

SCHEMA = Schema(label="y", fields=[Field("apps", Vocabulary("app"), separators=Separators(weight=":"))])
READING = Reading(format="tsv", columns=("y", "apps"), quote=False)
WORDS = [
    b"1e400",
    b"-1e400",
    b"NaN",
    b"nan",
    b"inf",
    b"-Infinity",
    b"1e-400",
    b"-0",
    b"0",
    b"+1",
    b"+-1",
    b"1_0",
    b"1.",
]
WORDS += [
    b".5",
    b".",
    b"1e",
    b"1e5",
    b"0x1p3",
    b"3.4e38",
    b"3.5e38",
    b"0." + b"1234567890" * 30,
    b"1" * 400,
    b"",
    b" 2 ",
]
WORDS += ["１".encode(), b"1,5", b"1;5", b"1.5.5", b"--1", b"1e+3", b"1E-3", b"9007199254740993", b"0.1 5"]
BYTES = [
    b"\x00",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b" ",
    b"\t",
    b"\r",
    b'"',
    b"'",
    b",",
    b":",
    b"\\",
    b"\x1c",
]
BYTES += ["é".encode(), "\u2028".encode(), "\u00a0".encode(), "😀".encode()]
LARGE = 10 << 20
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


# Making lines


def good_line(draw: random.Random) -> bytes:
    pairs = (
        b"app%d:%d.%d" % (draw.getrandbits(9), draw.getrandbits(2), draw.getrandbits(7))
        for _ in range(draw.getrandbits(3))
    )
    return b"%d\t%s" % (draw.getrandbits(1), b",".join(pairs))


def flip_bits(draw: random.Random, line: bytes) -> bytes:
    out = bytearray(line)
    for _ in range(draw.randint(1, 3)):
        out[draw.randrange(len(out))] ^= 1 << draw.getrandbits(3) % 8
    return bytes(out)


def drop_separator(draw: random.Random, line: bytes) -> bytes:
    at = draw.choice([i for i, byte in enumerate(line) if byte in b",:\t"])
    return line[:at] + line[at + 1 :]


def double_separator(draw: random.Random, line: bytes) -> bytes:
    at = draw.choice([i for i, byte in enumerate(line) if byte in b",:\t"])
    return line[:at] + line[at : at + 1] + line[at:]


def other_weight(draw: random.Random, line: bytes) -> bytes:
    label, tab, bag = line.partition(b"\t")
    pairs = bag.split(b",")
    at = draw.randrange(len(pairs))
    pairs[at] = pairs[at].partition(b":")[0] + b":" + draw.choice(WORDS)
    return label + tab + b",".join(pairs)


def other_label(draw: random.Random, line: bytes) -> bytes:
    return draw.choice([*WORDS, b"2", b"-1", b"1.0", b"true", b" 1", b"1 ", b"1\x00"]) + line[1:]


def insert_bytes(draw: random.Random, line: bytes) -> bytes:
    at = draw.randrange(len(line) + 1)
    return line[:at] + draw.choice(BYTES) + line[at:]


def cut(draw: random.Random, line: bytes) -> bytes:
    return line[: draw.randrange(len(line))]


def swap_ends(draw: random.Random, line: bytes) -> bytes:
    at = draw.randrange(len(line))
    return line[at:] + line[:at]


MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [
    flip_bits,
    drop_separator,
    double_separator,
    other_weight,
    other_label,
    insert_bytes,
    cut,
    swap_ends,
]
LARGE_LINES: list[Callable[[], bytes]] = [
    lambda: b"1\t" + b"x" * LARGE + b":0.5",
    lambda: b"0\t" + b",".join(b"p%d:%d" % (i % 1000, i % 7) for i in range(1_000_000)),
    lambda: b"1\t" + (b"y" * 98 + b":1,") * (LARGE // 101) + b"b:1",
    lambda: b"1\t" + (b"z" * 98 + b":1,") * (LARGE // 101) + b"b",
    lambda: b"x" * LARGE,
    lambda: b"1\ta:" + b"1" * LARGE,
    lambda: b"1\t" + b"\xff" * LARGE + b":1",
    lambda: b"1\t" * (LARGE // 2),
]


def lines(count: int, seed: int) -> Iterator[bytes]:
    """Lines with their ends; most were mutated once, some more often, and a few are large."""
    draw = random.Random(seed)
    large = {draw.randrange(count): make for make in LARGE_LINES}
    ends = [b"\n"] * 17 + [b"\r\n", b"\r\n", b"\r", b"\n\n"]
    for i in range(count):
        line = good_line(draw)
        if i in large:
            line = large[i]()
        else:
            while line and draw.random() < 0.8:
                line = draw.choice(MUTATIONS)(draw, line) if line.count(b"\t") else flip_bits(draw, line)
                if draw.random() < 0.7:
                    break
        yield (b"\xef\xbb\xbf" if i == 0 else b"") + line + draw.choice(ends)


# The definition: what a line is, slowly


@dataclass
class Row:
    label: float
    pairs: list[tuple[str, float]]


def weight_of(text: str) -> float | None:
    if not NUMBER.fullmatch(text):
        return None
    with np.errstate(over="ignore"):
        weight = float(np.float32(float(text)))
    return weight if abs(weight) != float("inf") else None


def bag_of(text: str) -> list[tuple[str, float]] | None:
    text = text.strip(" ")
    pairs: list[tuple[str, float]] = []
    for piece in text.split(",") if text else []:
        token, colon, number = (part.strip(" ") for part in piece.rpartition(":"))
        weight = weight_of(number)
        if not (token and colon) or weight is None:
            return None
        pairs.append((token, weight))
    return [(token, weight) for token, weight in pairs if weight != 0]


def label_of(text: str) -> float | None:
    try:
        number = float(text.strip()) if "_" not in text else 2.0
    except ValueError:
        return None
    return number if number in (0, 1) else None


def row_of(line: bytes) -> Row | None:
    try:
        values = [value.decode() for value in line.split(b"\t")]
    except UnicodeDecodeError:
        return None
    if len(values) != 2:
        return None
    label, pairs = label_of(values[0]), bag_of(values[1])
    return None if label is None or pairs is None else Row(label, pairs)


def definition(data: bytes) -> tuple[list[Row], list[int], int]:
    """Accepted rows, the numbers of rejected lines, and how many were read: empty lines are not."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    rows, rejected, read = [], [], 0
    for number, line in enumerate(re.split(rb"\r\n|\n|\r", data), 1):
        if line:
            row = row_of(line)
            read += 1
            if row is None:
                rejected.append(number)
            else:
                rows.append(row)
    return rows, rejected, read


# The two beside each other


def check(path: Path, count: int, seed: int) -> dict[str, float]:
    """Writes the lines to `path` and reads them in both ways. Counts and seconds; AssertionError where they differ."""
    start = time.perf_counter()
    with path.open("wb") as file:
        file.writelines(lines(count, seed))
    made = time.perf_counter()
    source, fitted, encoded = (
        open_source(path, reading=READING),
        *(Rejects(BadRows(max_fraction=1.0)) for _ in range(2)),
    )
    encoder = Encoder.fit(SCHEMA, source, rejects=fitted)
    chunks = list(encoder.encode(source, with_labels=True, rejects=encoded))
    read = time.perf_counter()
    rows, rejected, num_read = definition(path.read_bytes())
    for rejects in (fitted, encoded):
        assert (rejects.num_read, rejects.num_rejected) == (num_read, len(rejected))
        named = [
            row
            for batch in rejects.batches()
            for row in zip(batch["line"].to_pylist(), batch["reason"].to_pylist(), strict=True)
        ]
        assert [line for line, _ in named] == rejected
        assert all(reason for _, reason in named)
    assert sum(len(chunk.offsets) - 1 for chunk in chunks) == len(rows) == num_read - len(rejected)
    compare(encoder, chunks, rows)
    done = time.perf_counter()
    return {
        "read": num_read,
        "accepted": len(rows),
        "rejected": len(rejected),
        "mb": path.stat().st_size / 1e6,
        "make_s": made - start,
        "read_s": read - made,
        "compare_s": done - read,
    }


def compare(encoder: Encoder, chunks: list[object], rows: list[Row]) -> None:
    vocabulary = encoder.vocabularies["app"].tokens
    tokens = ["OOV", *(vocabulary[i] for i in range(len(vocabulary)))]
    assert set(tokens[1:]) == {token for row in rows for token, _ in row.pairs}
    expected = iter(rows)
    for chunk in chunks:
        offsets, ids, weights = chunk.offsets.tolist(), chunk.ids.tolist(), chunk.weights.tolist()
        for i, label in enumerate(chunk.labels.tolist()):
            row, first, last = next(expected), offsets[i], offsets[i + 1]
            found = [(tokens[i], weight) for i, weight in zip(ids[first:last], weights[first:last], strict=True)]
            assert (label, found) == (row.label, row.pairs), row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        said = check(Path(folder) / "lines.tsv", chosen.lines, chosen.seed)
    print(
        "  ".join(
            f"{name} {value:,.1f}" if name.endswith(("_s", "mb")) else f"{name} {value:,}"
            for name, value in said.items()
        )
    )


if __name__ == "__main__":
    main()
