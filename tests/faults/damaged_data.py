"""Damaged files of rows: read by children, each of which must live through every file that it is given."""

from __future__ import annotations

import collections
import contextlib
import json
import re
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from damaged_files import WHOLE, damaged

__all__ = ["LONG", "PROMISE", "run"]

PROMISE = "damaged Parquet, Arrow, CSV and JSON Lines files, read and encoded"
LONG = 5_000

_SECONDS = 60.0  # for one file of 300 rows, on a machine that has other things to do
_MOST_MEMORY = 600  # MiB, of which some 150 are there before the first file
_PLACE = re.compile(
    r"footer|head: |schema|row group \d+ \(rows [\d,]+ to [\d,]+\)|from row [\d,]+ on|line [\d,]+ on|"
    r'^:\d+: |column "|is empty|nothing but empty lines|no rows|no such file|UTF-16|one JSON array|a line is longer'
)
_CHECKED = ("packed.csv.gz",)  # what a checksum covers as a whole


def run(num: int, seed: int = 1) -> str:
    """num damaged files, of each kind alike."""
    counts: collections.Counter[str] = collections.Counter()
    broken = []
    memory = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = dict(_read_all(Path(folder), ((ending, WHOLE[ending][0]) for ending in WHOLE)))
        originals = {ending: found[3] for (ending, _), found in zip(WHOLE.items(), whole.values(), strict=True)}
        trials = _trials(num, seed)
        for number, found in _read_all(Path(folder), ((e, damaged(WHOLE[e][0], rng)) for e, rng in trials)):
            ending = list(WHOLE)[number % len(WHOLE)]
            wrong = _fault(ending, found, originals[ending])
            counts[str(found[0])] += 1
            memory = max(memory, found[-1]) if isinstance(found[-1], int) else memory
            if wrong is not None:
                broken.append(f"file {number} of seed {seed}, {ending}: {wrong}")
    assert not broken, f"{len(broken)} of {num} files: " + "; ".join(broken[:5])
    named = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
    return f"{num:,} files: 0 crashes, 0 hangs; {named}; file and place named; {memory} MiB at most"


def _trials(num: int, seed: int) -> Iterator[tuple[str, np.random.Generator]]:
    for number in range(num):
        yield list(WHOLE)[number % len(WHOLE)], np.random.default_rng([seed, number])


def _fault(ending: str, found: list[Any], original: str) -> str | None:
    """What of the promise is broken by what came of a file; None: nothing."""
    kind, *rest = found
    if kind in ("crashed", "hung"):
        return f"{kind}: {rest[0]}"
    if rest[-1] > _MOST_MEMORY:
        return f"the reader had {rest[-1]} MiB"
    if kind == "refused":
        _, name, said = rest[0].partition(f"damaged.{ending}")
        return None if name and _PLACE.search(said) else f"no file and place: {rest[0]}"
    if kind == "bad rows":
        named = [re.search(rf"damaged\.{ending}(:\d+|, row \d+): ", sentence) for sentence in rest[2]]
        return None if rest[1] >= len(named) > 0 and all(named) else f"no rows named: {rest}"
    read, accepted, digest = rest[:3]
    if accepted != read:
        return f"of {read} rows {accepted} were accepted and none rejected"
    if ending in _CHECKED and digest != original:
        return "other rows were read, though its format has a checksum"
    return None


def _read_all(folder: Path, files: Iterator[tuple[str, bytes]]) -> Iterator[tuple[int, list[Any]]]:
    """What the reader says of each file; ["crashed", ..] and ["hung", ..] where it does not."""
    reader: subprocess.Popen[str] | None = None
    try:
        for number, (ending, raw) in enumerate(files):
            path = folder / f"damaged.{ending}"
            path.write_bytes(raw)
            reader = reader or _start(folder)
            assert reader.stdin is not None
            reader.stdin.write(f"{path} {ending}\n")
            reader.stdin.flush()
            found = _line(reader)
            if found is None:
                hung = not select.select([reader.stdout], [], [], 0)[0]  # the end of it could be read
                code, said = _stop(reader), (folder / "errors").read_text().split("\n")[:2]
                found, reader = ["hung" if hung else "crashed", f"exit code {code}, {said}", 0], None
            yield number, found
    finally:
        if reader is not None:
            _stop(reader)


def _start(folder: Path) -> subprocess.Popen[str]:
    with (folder / "errors").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("damaged_data_reader.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def _stop(reader: subprocess.Popen[str]) -> int:
    """How it ended."""
    reader.kill()
    with contextlib.suppress(BrokenPipeError), reader:
        pass
    return reader.returncode


def _line(reader: subprocess.Popen[str]) -> list[Any] | None:
    """The next thing it says; None where it is gone, or says nothing for too long."""
    assert reader.stdout is not None
    if not select.select([reader.stdout], [], [], _SECONDS)[0]:
        return None
    line = reader.stdout.readline()
    return json.loads(line) if line else None
