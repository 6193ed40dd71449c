"""Native helpers on byte buffers: counting tokens, looking them up, parsing bags written as text."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _native
from ._contract import Float32s, Int32s
from ._native import QuoteScan, TokenTable

__all__ = [
    "CsvParser",
    "CsvRecords",
    "QuoteScan",
    "TextFault",
    "TokenTable",
    "Tokens",
    "hash_tokens",
    "identity_ids",
    "interleave",
    "parse_bags",
]


@dataclass(frozen=True)
class Tokens:
    """N tokens as spans of one buffer: data uint8 [bytes], starts int64 [N], lengths int32 [N]."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    lengths: Int32s

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> str:
        start = self.starts[index]
        return bytes(self.data[start : start + self.lengths[index]]).decode(errors="replace")

    def prefixed(self, prefix: str) -> Tokens:
        """Each token with `prefix` before it; the empty token, which stands for a missing value, stays empty."""
        return Tokens(*_native.prefix_tokens(self.data, self.starts, self.lengths, prefix.encode()))

    def compact(self) -> Tokens:
        """The same tokens, one right after the other in a buffer of their own."""
        return self.prefixed("")

    def with_empty_as(self, text: str) -> Tokens:
        """With `text` for each empty token."""
        empty = self.lengths == 0
        if not empty.any():
            return self
        here, word = self.compact(), np.frombuffer(text.encode(), np.uint8)  # the buffer may be that of many batches
        starts = np.where(empty, len(here.data), here.starts)
        return Tokens(np.append(here.data, word), starts, np.where(empty, np.int32(len(word)), here.lengths))

    def and_token(self, text: str) -> Tokens:
        """One more token after them."""
        word = np.frombuffer(text.encode(), np.uint8)
        starts, lengths = np.append(self.starts, len(self.data)), np.append(self.lengths, np.int32(len(word)))
        return Tokens(np.append(self.data, word), starts, lengths)

    def and_missing(self) -> Tokens:
        """One more token after them, the empty one."""
        return Tokens(self.data, np.append(self.starts, 0), np.append(self.lengths, np.int32(0)))

    def take(self, chosen: npt.NDArray[np.bool_ | np.integer]) -> Tokens:
        """The chosen ones of them, by a mask or by position, over the same buffer."""
        return Tokens(self.data, self.starts[chosen], self.lengths[chosen])


class TextFault(enum.IntEnum):
    """Why a bag written as text cannot be read (`enum class TextFault` in native/text_bags.hpp)."""

    EMPTY_TOKEN = 1
    NO_WEIGHT = 2
    BAD_WEIGHT = 3
    NOT_FINITE = 4


def parse_bags(
    texts: Tokens, pair_separator: str, weight_separator: str | None
) -> tuple[Tokens, Float32s | None, Int32s, npt.NDArray[np.int64], Int32s]:
    """tokens [N], weights [N] or None, offsets [rows+1], bad rows and their TextFaults; a bad row is an empty bag."""
    starts, lengths, weights, offsets, bad_rows, faults = _native.parse_bags(
        texts.data, texts.starts, texts.lengths, pair_separator, weight_separator or ""
    )
    return Tokens(texts.data, starts, lengths), weights, offsets, bad_rows, faults


@dataclass(frozen=True)
class CsvRecords:
    """R rows of a block of CSV, and B bad records, which have another number of values.

    columns: of each wanted column a bit a row (0: the value is empty), offsets int64 [R+1], bytes uint8, and the number
    of empty values. lines, starts, ends int32 [R]: the line of each row in the block, from 0, and where its text is.
    bad_lines, bad_starts, bad_ends, bad_counts int32 [B]: the same of bad records, and how many values they have.
    """

    columns: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint8], int]]
    lines: Int32s
    starts: Int32s
    ends: Int32s
    bad_lines: Int32s
    bad_starts: Int32s
    bad_ends: Int32s
    bad_counts: Int32s
    num_lines: int


class CsvParser:
    """Takes apart blocks of whole records of one file; the last may lack its line end. Lines end with LF, CRLF or CR.

    quote: values may stand in quotes, which must be as QuoteScan likes them. empty_rows: an empty line is a row of an
    empty value, else it is none. wanted: numbers of columns, from 0. header: the first line that is not empty is
    skipped, and those before it.
    """

    def __init__(
        self, delimiter: str, *, quote: bool, empty_rows: bool, num_columns: int, wanted: list[int], header: bool
    ) -> None:
        self._parser = _native.CsvParser(delimiter.encode(), quote, empty_rows, num_columns, wanted, header)

    def parse(self, block: bytes) -> CsvRecords:
        """The next block."""
        return CsvRecords(*self._parser.parse(block))


def hash_tokens(tokens: Tokens) -> npt.NDArray[np.uint64]:
    """A hash of each token's bytes, uint64 [N], the same on every machine and in every release."""
    return _native.hash_tokens(tokens.data, tokens.starts, tokens.lengths)


def identity_ids(tokens: Tokens, size: int) -> Int32s:
    """1 + number for tokens that spell a whole number below size, else 0; int32 [N]."""
    return _native.identity_ids(tokens.data, tokens.starts, tokens.lengths, size)


def interleave(
    columns: list[tuple[Int32s, Float32s | None, Int32s, int]], num_rows: int
) -> tuple[Int32s, Float32s | None, Int32s]:
    """Columns (ids, weights, offsets [rows+1], field), by field, into row-major ids, weights, offsets [rows*F+1]."""
    return _native.interleave(columns, num_rows)
