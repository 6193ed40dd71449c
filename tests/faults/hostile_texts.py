"""Calls of the parsers, hashes and token tables, good ones to be damaged; and what they must give, in plain Python."""

from __future__ import annotations

import itertools
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "data"))
import line_oracle
from test_text_grammar import definition as bag_of

from manyhot.kernels import LineFormat, Tokens, TokenTable, _native, hash_tokens, identity_ids, interleave, parse_bags
from manyhot.kernels._checked import is_array

__all__ = ["CALLS", "cases"]

Args = dict[str, Any]
PIECES = ("a", "bb", "wechat", "éé", "0", "7", "12345678", "123456789", "x" * 30, "", " ", "wechat:0.5", "a:1,b:2e0")
LINES = ("1 a:1 b:2", "0 qid:3 a:.5 # said", "-1 x:y:0.5", "1 f:a:1 g:b:2 %c", "1 2 'tag|f a:1 b |g:2 c", "|a b", "#")


def cases(draw: random.Random, count: int) -> list[Args]:
    """The arguments of every call on so many random texts."""
    return [_case(draw) for _ in range(count)]


def _case(draw: random.Random) -> Args:
    words = [draw.choice(PIECES).encode() for _ in range(draw.randrange(1, 12))]
    lengths = np.array([len(word) for word in words], np.int32)
    bags = [draw.randrange(4) for _ in range(6)]
    offsets = np.array([0, *itertools.accumulate(bags)], np.int32)
    return {
        "data": np.frombuffer(b"".join(words) or b"\0", np.uint8).copy(),
        "starts": (np.cumsum(lengths) - lengths).astype(np.int64),
        "lengths": lengths,
        "times": np.array([draw.randrange(5) for _ in words], np.int64),
        "size": 100,
        "prefix": b"p/",
        "pair_separator": ",",
        "weight_separator": draw.choice((":", None)),
        "ids": np.arange(offsets[-1], dtype=np.int32),
        "weights": np.arange(offsets[-1], dtype=np.float32) if draw.random() < 0.7 else None,
        "offsets": offsets,
        "num_rows": 6,
        "block": "\n".join(draw.choice(LINES) for _ in range(4)).encode(),
        "format": draw.randrange(3),
        "csv": b'a,b,"c"\r\n1,"2\n""",3\n\n4,5,6',
    }


def _words(a: Args) -> list[bytes]:
    """The tokens, or why they are none."""
    is_array(a["data"], np.uint8, 1)
    is_array(a["starts"], np.int64, 1)
    is_array(a["lengths"], np.int32, 1)
    data, starts, lengths = a["data"].tobytes(), a["starts"].tolist(), a["lengths"].tolist()
    if len(starts) != len(lengths):
        raise ValueError
    if any(
        start < 0 or length < 0 or start + length > len(data) for start, length in zip(starts, lengths, strict=True)
    ):
        raise ValueError
    return [data[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _tokens(a: Args) -> Tokens:
    return Tokens(a["data"], a["starts"], a["lengths"])


def _hash(word: bytes) -> int:
    h, most = 0xCBF29CE484222325, 2**64 - 1
    for byte in word:
        h = (h ^ byte) * 0x100000001B3 & most
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor & most
    return h ^ h >> 33


def hashes(native: bool, a: Args) -> list[Any]:
    return hash_tokens(_tokens(a)).tolist() if native else [_hash(word) for word in _words(a)]


def identity(native: bool, a: Args) -> list[Any]:
    if native:
        return identity_ids(_tokens(a), a["size"]).tolist()
    words, size = _words(a), a["size"]
    if not isinstance(size, int) or not -(2**31) <= size < 2**31:
        raise TypeError
    numbers = [int(word) if re.fullmatch(rb"-?[0-9]+", word) else -1 for word in words]
    return [number + 1 if 0 <= number < size else 0 for number in numbers]


def prefixed(native: bool, a: Args) -> list[Any]:
    if native:
        data, starts, lengths = _native.prefix_tokens(a["data"], a["starts"], a["lengths"], a["prefix"])
        return _words({"data": data, "starts": starts, "lengths": lengths})
    if not isinstance(a["prefix"], bytes):
        raise TypeError
    return [a["prefix"] + word if word else word for word in _words(a)]


def table(native: bool, a: Args) -> list[Any]:
    """Counted, ranked and looked up."""
    if native:
        made = TokenTable()
        for _ in range(2):
            made.count(a["data"], a["starts"], a["lengths"], a["times"])
        data, offsets, counts = made.ranked(a["num_rows"], a["size"])
        ranked = [bytes(data[i:k]) for i, k in itertools.pairwise(offsets)]
        return [ranked, counts.tolist(), made.lookup(a["data"], a["starts"], a["lengths"]).tolist()]
    words, times = _words(a), a["times"]
    if times is not None:
        is_array(times, np.int64, 1)
        if len(times) != len(words):
            raise ValueError
    for number in (a["num_rows"], a["size"]):
        if not isinstance(number, int) or not -(2**63) <= number < 2**63:
            raise TypeError
    seen = Counter[bytes]()
    for word, count in [*zip(words, [1] * len(words) if times is None else times.tolist(), strict=True)] * 2:
        if word and count > 0:
            seen[word] += count
    if any(count > 2**63 - 1 for count in seen.values()):
        raise ValueError
    order = sorted((-count, word) for word, count in seen.items() if count >= a["num_rows"])[: max(a["size"], 0)]
    ids = {word: i for i, word in enumerate(seen, 1)}
    return [[word for _, word in order], [-count for count, _ in order], [ids.get(word, 0) for word in words]]


def bags(native: bool, a: Args) -> list[Any]:
    if native:
        tokens, weights, offsets, bad, _ = parse_bags(_tokens(a), a["pair_separator"], a["weight_separator"])
        found = [bytes(tokens.data[s : s + n]) for s, n in zip(tokens.starts, tokens.lengths, strict=True)]
        numbers = [1.0] * len(found) if weights is None else weights.tolist()
        rows: list[Any] = [[*zip(found[i:k], numbers[i:k], strict=True)] for i, k in itertools.pairwise(offsets)]
        return [None if row in bad else pairs for row, pairs in enumerate(rows)]
    right = [bag_of(word.decode("latin-1"), a["pair_separator"], a["weight_separator"]) for word in _words(a)]
    return [bag and [(token.encode("latin-1"), weight) for token, weight in bag] for bag in right]


def lines(native: bool, a: Args) -> list[Any]:
    names = ["features", "f", "x"]
    if native:
        found = _native.parse_lines(a["block"], a["format"], names)
        a["block"].decode()  # the caller's business; other bytes must do no harm
        return [found[2].tolist(), found[3].tolist(), [bag[3].tolist() for bag in found[1]]]
    if not isinstance(a["block"], bytes) or not isinstance(a["format"], int):
        raise TypeError
    if not 0 <= a["format"] <= 2:
        raise ValueError
    a["block"].decode()
    rows, bad = line_oracle.read(LineFormat(a["format"]).name.lower(), b"\n" + a["block"])
    counts = [[len(line.bags.get(name, [])) for line in rows.values()] for name in names]
    ends = [[0, *itertools.accumulate(count)] for count in counts]
    return [[line - 2 for line in rows], sorted(line - 2 for line in bad), ends]


def columns(native: bool, a: Args) -> list[Any]:
    given = (a["ids"], a["weights"], a["offsets"])
    if native:
        ids, weights, offsets = interleave([(*given, 0), (*given, 0), (*given, 1)], a["num_rows"])
        return [ids.tolist(), weights, offsets.tolist()]
    ids, weights, offsets = given
    is_array(ids, np.int32, 1)
    is_array(offsets, np.int32, 1)
    if weights is not None:
        is_array(weights, np.float32, 1)
    ends, rows = offsets.tolist(), a["num_rows"]
    if len(ends) != rows + 1 or ends[0] != 0 or ends[-1] != len(ids) or ends != sorted(ends):
        raise ValueError
    if weights is not None and len(weights) != len(ids):
        raise ValueError
    order = [i for k, end in itertools.pairwise(ends) for _ in range(3) for i in range(k, end)]
    sizes = [size for k, end in itertools.pairwise(ends) for size in (2 * (end - k), end - k)]
    return [
        ids[order].tolist(),
        None if weights is None else weights[order],
        [0, *itertools.accumulate(sizes)],
    ]


_SPANS = ("data", "starts", "lengths")
CALLS: list[tuple[Callable[[bool, Args], list[Any]], tuple[str, ...]]] = [
    (hashes, _SPANS),
    (identity, (*_SPANS, "size")),
    (prefixed, (*_SPANS, "prefix")),
    (table, (*_SPANS, "times", "num_rows", "size")),
    (bags, _SPANS),
    (lines, ("block", "format")),
    (columns, ("ids", "weights", "offsets", "num_rows")),
]
