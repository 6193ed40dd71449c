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
_BRACKETED = r"^\s*[\[{(].*[\])}]\s*$"
_GROUPED = r"^-?\d{1,3}(,\d{3})*(\.\d+)?$"


@dataclass(frozen=True)
class TextBag:
    """How a column of text is taken apart, and what came out. tokens: of all rows. largest_weight: by size.

    num_bad: values that cannot be read this way, an empty token being the usual reason; bad: the first of them.
    """

    separators: Separators
    tokens: Counts
    num_pairs: int
    largest_weight: float | None
    num_bad: int
    bad: str


def find_text_bag(strings: pa.Array) -> TextBag | None:
    """The separators of large strings (null where missing) that hold bags; None where they hold none."""
    present = strings.drop_null()
    if not len(present):
        return None
    for shape, most in (("://", 0.05), (_BRACKETED, 0.5), (_GROUPED, 0.99)):  # URLs, JSON, 1,234
        if pc.mean(pc.match_substring_regex(present, shape)).as_py() > most:
            return None
    found = [bag for pair in _PAIRS if (bag := _bags_of(present, pair)) is not None]
    # Where two separators would do ("a|b,c|d"), the one that leaves fewer tokens takes it apart further.
    return min(found, key=lambda bag: (bag.separators.weight is None, len(bag.tokens)), default=None)


def _bags_of(present: pa.Array, pair: str) -> TextBag | None:
    if pc.mean(pc.match_substring(present, pair)).as_py() < 0.05:
        return None
    for weight in (*_WEIGHTS, None):
        if weight is not None and not pc.any(pc.match_substring(present[:20], weight)).as_py():
            continue
        _, weights, offsets, bad, _ = parse_bags(as_tokens(present), pair, weight)
        if len(bad) > (0.05 if weight is not None else 0.5) * len(present):
            continue
        good = present.filter(pa.array(~np.isin(np.arange(len(present)), bad)))
        pieces = pc.utf8_trim_whitespace(pc.split_pattern(good, pair).flatten())
        if weight is not None:
            if _are_clocks(pieces[:1000].to_pylist()):
                continue
            pieces = pc.replace_substring_regex(pieces, rf"\s*{re.escape(weight)}[^{weight}]*$", "")
        bag = TextBag(
            separators=Separators(pair=pair, weight=weight),
            tokens=count(pieces),
            num_pairs=int(offsets[-1]),
            largest_weight=float(np.abs(weights).max()) if weights is not None and len(weights) else None,
            num_bad=len(bad),
            bad=present[int(bad[0])].as_py() if len(bad) else "",
        )
        if weight is not None or _is_bag(bag, len(count(good)), np.diff(offsets)[np.diff(offsets) > 0]):
            return bag
    return None


def _is_bag(bag: TextBag, num_values: int, lengths: Int32s) -> bool:
    """Whether unweighted pieces recur in changing company. lengths: of the bags that are not empty."""
    pair, tokens, top = bag.separators.pair, bag.tokens, bag.tokens.top(200)
    if lengths.min() == lengths.max() and (pair in ", " or lengths[0] < 3):
        return False  # "Paris, France": two columns in one rather than a bag
    if pair == "," and lengths.max() <= 2 and all(token.isdecimal() for token in top):
        return False  # 3,14
    if pair == " " and sum(token.isalpha() and not token.isupper() for token in top) > 0.1 * len(top):
        return False  # else every title would be a bag of words
    if sum(" " in token for token in top) > 0.3 * len(top) and len(tokens) >= num_values:
        return False  # pieces of several words, and more of them than there are values, are parts of sentences
    if sum(token.count("(") != token.count(")") for token in top) > 0.05 * len(top):
        return False  # browsers: Mozilla/5.0 (X11; Linux)
    return bag.num_pairs / len(tokens) >= (1.2 if pair in _CERTAIN else 2.0)


def _are_clocks(pieces: list[str]) -> bool:
    """ "12:30" and "3:05" are times of day and not the weights 30 and 5."""
    clocks = all(_CLOCK.fullmatch(piece) for piece in pieces)
    return clocks and any(piece.split(":")[1].startswith("0") for piece in pieces)


def as_tokens(strings: pa.Array) -> Tokens:
    """Large strings without nulls as spans of one buffer, without a copy."""
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    return Tokens(bytes_, np.ascontiguousarray(ends[:-1]), np.diff(ends).astype(np.int32))
