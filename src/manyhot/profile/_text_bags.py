"""Bags written as text: which separators take a column apart, if any do.

A title with a comma, a date, a time like 12:30 and a URL are no bags. What tells a bag is that the same pieces come
back in other rows and other company.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.kernels import Int32s, Tokens, parse_bags
from manyhot.schema import Separators

from ._counts import Counts, count

__all__ = ["TextBag", "as_tokens", "find_text_bag"]

_PAIRS = ("|", ";", "^", ",", " ", "\t")
_CERTAIN = "|;^\t"  # in prose and numbers these are rare
_WEIGHTS = (":", "=", "#", "@")
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_ZERO_LED = re.compile(r"0\d")
_WORD = re.compile(r"[A-Za-z][a-z]+")


@dataclass(frozen=True)
class TextBag:
    """How a column of text is taken apart, and what came out. tokens: of all rows; lengths: pairs of each row."""

    separators: Separators
    tokens: Counts
    num_pairs: int
    largest_weight: float | None


def find_text_bag(strings: pa.Array) -> TextBag | None:
    """The separators of large strings (null or "" where missing) that hold bags; None where they hold none."""
    present = strings.filter(pc.greater(pc.fill_null(pc.binary_length(strings), 0), 0))
    if not len(present) or pc.mean(pc.match_substring(present, "://")).as_py() > 0.05:
        return None
    found = [bag for pair in _PAIRS if (bag := _bags_of(present, pair)) is not None]
    # Where two separators would do ("a|b,c|d"), the one that leaves fewer tokens takes it apart further.
    return min(found, key=lambda bag: (bag.separators.weight is None, len(bag.tokens)), default=None)


def _bags_of(present: pa.Array, pair: str) -> TextBag | None:
    with_separator = pc.mean(pc.match_substring(present, pair)).as_py()
    if with_separator < 0.05:
        return None
    texts = as_tokens(present)
    for weight in _WEIGHTS:
        if pc.match_substring(present[:1], weight)[0].as_py():
            _, weights, offsets, bad, _ = parse_bags(texts, pair, weight)
            if not len(bad) and weights is not None and not _are_clocks(present, pair):
                pieces = pc.replace_substring_regex(_pieces(present, pair), rf"\s*{re.escape(weight)}[^{weight}]*$", "")
                largest = float(np.abs(weights).max()) if len(weights) else 0.0
                return TextBag(Separators(pair=pair, weight=weight), count(pieces), int(offsets[-1]), largest)
    _, _, offsets, bad, _ = parse_bags(texts, pair, None)
    if len(bad):
        return None
    tokens = count(_pieces(present, pair))
    bag = TextBag(Separators(pair=pair), tokens, int(offsets[-1]), None)
    return bag if _is_bag(bag, len(count(present)), np.diff(offsets).astype(np.int32)) else None


def _is_bag(bag: TextBag, num_values: int, lengths: Int32s) -> bool:
    """Whether unweighted pieces recur in changing company."""
    pair, tokens = bag.separators.pair, bag.tokens
    recur, top = bag.num_pairs / len(tokens), tokens.top(200)
    if lengths.min() == lengths.max() and (pair in ", " or lengths[0] < 3):
        return False  # "Paris, France": two columns in one rather than a bag
    if pair == " " and sum(bool(_WORD.fullmatch(token)) for token in top) > 0.1 * len(top):
        return False  # else every title would be a bag of words
    if sum(" " in token for token in top) > 0.3 * len(top) and len(tokens) >= num_values:
        return False  # pieces of several words, and more of them than there are values, are parts of sentences
    return recur >= (1.2 if pair in _CERTAIN else 2.0)


def _pieces(present: pa.Array, pair: str) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.split_pattern(present, pair).flatten())


def _are_clocks(present: pa.Array, pair: str) -> bool:
    """ "12:30" and "3:05" are times of day and not the weights 30 and 5."""
    pieces = _pieces(present[:1000], pair).to_pylist()
    clocks = all(_CLOCK.fullmatch(piece) for piece in pieces)
    return clocks and any(_ZERO_LED.match(piece.split(":")[1]) for piece in pieces)


def as_tokens(strings: pa.Array) -> Tokens:
    """Large strings without nulls as spans of one buffer, without a copy."""
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    return Tokens(bytes_, np.ascontiguousarray(ends[:-1]), np.diff(ends).astype(np.int32))
