"""Blocks of whole lines of a text file, and what tells the line of a row; shared by the formats of one row a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manyhot.errors import DataError

from .._batches import Rejects
from .._reject_file import Reject
from ._file import File

__all__ = ["Block", "RowLines", "blocks", "reject_line"]

_BLOCK = 4 << 20
_LONGEST = 32 << 20  # what holds no line break for so long is no row
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole lines of UTF-8 text. first_line: the number in the file of the first one, from 1."""

    data: bytes
    first_line: int


def blocks(file: File, kind: str, rejects: Rejects, size: int = _BLOCK) -> Iterator[Block]:
    """The lines of a file, about `size` bytes at a time or one long line. Lines end in LF or CRLF.

    A line that is not UTF-8 goes to the rejects and is left empty, so that the others keep their numbers; a byte order
    mark at the start of the file is skipped. kind: of the file, for the error. Raises DataError.
    """
    line = 1
    try:
        for data in _whole_lines(file, kind, size):
            try:
                data.decode()
                block = Block(data, line)
            except UnicodeDecodeError:
                block = Block(_only_utf8(data, file.name, line, rejects), line)
            yield block
            line += data.count(b"\n")
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.name}: cannot read it as {kind}: {error}; from line {line:,} on") from None


def _whole_lines(file: File, kind: str, size: int) -> Iterator[bytes]:
    """Raises OSError."""
    with file.stream() as stream:
        head: list[bytes] = []  # the beginning of a line whose end has not been read yet
        held = 0
        read = stream.read(len(_MARK)).removeprefix(_MARK) + stream.read(size)
        while read:
            end = read.rfind(b"\n") + 1
            if end:
                yield b"".join([*head, read[:end]])
                head, held = [], 0
            head.append(read[end:])
            held += len(read) - end
            if held > _LONGEST:
                raise DataError(f"{file.name}: a line is longer than {_LONGEST >> 20} MiB; is it a {kind} file?")
            read = stream.read(size)
        if held:
            yield b"".join(head)


def _only_utf8(data: bytes, name: str, first_line: int, rejects: Rejects) -> bytes:
    lines = data.split(b"\n")
    for i, line in enumerate(lines):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            lines[i] = b""
            reject_line(rejects, name, first_line + i, f"is not UTF-8 text, from byte {error.start + 1} on")
    return b"\n".join(lines)


def reject_line(rejects: Rejects, name: str, number: int, why: str) -> None:
    """A line of a file that makes no row."""
    rejects.num_read += 1
    rejects.add(Reject(name, number, None, why))


@dataclass(frozen=True)
class RowLines:
    """The line of each row of one batch. first_row: of the batch. lines: int64 [rows], rising."""

    first_row: int
    lines: npt.NDArray[np.int64]

    def number(self, row: int) -> int:
        """Of a row of the file, from 0."""
        return int(self.lines[row - self.first_row])

    def text(self, row: int) -> None:
        """Not at hand: the block is gone."""
        return
