"""Lines of libsvm, libffm and VW text, read natively into Arrow's buffers."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _native
from ._contract import Float32s, Int32s

__all__ = ["BadLine", "BagBuffers", "LineFault", "LineFormat", "ParsedLines", "TextBuffers", "parse_lines"]


class LineFormat(enum.IntEnum):
    """`enum class LineFormat` in native/line_bags.hpp."""

    LIBSVM = 0
    LIBFFM = 1
    VW = 2


class LineFault(enum.IntEnum):
    """Why a line is no row (`enum class TextFault` in native/text_bags.hpp, `LineFault` in native/line_bags.hpp)."""

    EMPTY_TOKEN = 1
    NO_WEIGHT = 2
    BAD_WEIGHT = 3
    NOT_FINITE = 4
    NOT_THREE_PARTS = 11
    NO_BAR = 12
    TOO_MANY_VALUES = 13
    NO_NAME = 14


class TextBuffers(NamedTuple):
    """One text a row: its bytes [bytes], where it starts and ends in them [rows+1], whether it is there [rows]."""

    bytes: npt.NDArray[np.uint8]
    offsets: Int32s
    present: npt.NDArray[np.uint8]


class BagBuffers(NamedTuple):
    """One bag a row: tokens' bytes [bytes], their offsets in them [N+1], weights [N], the rows' offsets [rows+1]."""

    bytes: npt.NDArray[np.uint8]
    token_offsets: Int32s
    weights: Float32s
    offsets: Int32s


class BadLine(NamedTuple):
    """line: from 0. piece: the bytes that are at fault."""

    line: int
    fault: LineFault
    piece: bytes


@dataclass(frozen=True)
class ParsedLines:
    """The rows of a block.

    texts: of libsvm label and qid, of libffm label and comment, of VW label, importance, base and tag.
    bags: of the wanted names, in their order. lines: of each row, from 0, int64 [rows]. bad: those that are no rows.
    others: names of bags that were not wanted, a thousand at most.
    """

    texts: list[TextBuffers]
    bags: list[BagBuffers]
    lines: npt.NDArray[np.int64]
    bad: list[BadLine]
    others: list[str]


def parse_lines(block: bytes, line_format: LineFormat, names: Sequence[str]) -> ParsedLines:
    """Reads whole lines of UTF-8 text, less than 2 GiB of them; names: of the bags to keep, each once."""
    texts, bags, lines, bad, starts, lengths, faults, others = _native.parse_lines(block, line_format, list(names))
    return ParsedLines(
        [TextBuffers(*text) for text in texts],
        [BagBuffers(*bag) for bag in bags],
        lines,
        [
            BadLine(line, LineFault(fault), block[start : start + length])
            for line, start, length, fault in zip(
                bad.tolist(), starts.tolist(), lengths.tolist(), faults.tolist(), strict=True
            )
        ],
        others,
    )
