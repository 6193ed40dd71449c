"""The table of tokens against a dictionary in plain Python: counts, ranks, lookups."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhot.kernels import Tokens, TokenTable

# Short tokens are told apart by their own bytes, from 9 bytes on by a hash and then the text: zeros and equal ends,
# lengths on both sides, and the same bytes in other lengths must all stay apart.
tokens = st.text("\x00ab", max_size=4).map(str.encode) | st.binary(max_size=20)
tokens |= st.integers(0, 18).map(lambda n: b"\x00" * n) | st.sampled_from(
    [b"abcdefgh", b"abcdefghi", b"abcdefghabcdefgh"]
)


def spans(words: list[bytes]) -> Tokens:
    lengths = np.array([len(word) for word in words], np.int32)
    return Tokens(np.frombuffer(b"".join(words), np.uint8), (np.cumsum(lengths) - lengths).astype(np.int64), lengths)


def count(table: TokenTable, words: list[bytes], times: list[int] | None = None) -> None:
    t = spans(words)
    table.count(t.data, t.starts, t.lengths, None if times is None else np.array(times, np.int64))


def ranked(table: TokenTable, min_count: int = 1, max_size: int = 2**31 - 2) -> list[tuple[bytes, int]]:
    data, offsets, numbers = table.ranked(min_count, max_size)
    pieces = [bytes(data[a:b]) for a, b in itertools.pairwise(offsets)]
    return list(zip(pieces, numbers.tolist(), strict=True))


def lookup(table: TokenTable, words: list[bytes]) -> list[int]:
    t = spans(words)
    return table.lookup(t.data, t.starts, t.lengths).tolist()


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(st.tuples(tokens, st.integers(0, 3)), max_size=40), max_size=4), st.booleans(), st.data())
def test_counts_and_ranks_are_what_a_dictionary_says(
    batches: list[list[tuple[bytes, int]]], with_times: bool, data: st.DataObject
) -> None:
    table, definition = TokenTable(), Counter[bytes]()
    for batch in batches:
        words = [word for word, _ in batch]
        count(table, words, [n for _, n in batch] if with_times else None)
        for word, n in batch:
            definition[word] += n if with_times else 1
    del definition[b""]
    order = sorted(((w, n) for w, n in definition.items() if n), key=lambda item: (-item[1], item[0]))
    assert len(table) == len(order)
    assert ranked(table) == order
    least, most = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6))
    assert ranked(table, least, most) == [item for item in order if item[1] >= least][:most]


@settings(deadline=None, max_examples=300)
@given(st.lists(tokens.filter(bool), unique=True, max_size=40), st.lists(tokens, max_size=40))
def test_known_tokens_are_found_and_no_others(known: list[bytes], others: list[bytes]) -> None:
    table = TokenTable()
    count(table, known)
    ids = {word: i for i, word in enumerate(known, 1)}
    assert lookup(table, known + others) == [ids.get(word, 0) for word in known + others]


@pytest.mark.parametrize("length", [3, 7, 8, 9, 17])
def test_many_tokens_stay_apart_while_the_table_grows(length: int) -> None:
    words = [b"%0*d" % (length, i * 7 % 10**length) for i in range(min(10**length, 60_000))]
    words = list(dict.fromkeys(words))
    table = TokenTable()
    for first in range(0, len(words), 1000):
        count(table, words[first : first + 1000])
        count(table, words[: first + 1000 : 97])
    assert lookup(table, [*words, b"x" * length]) == [*range(1, len(words) + 1), 0]
    found = ranked(table)
    assert found == sorted(found, key=lambda item: (-item[1], item[0]))
    assert {word for word, _ in found} == set(words)


def unmixed(h: int) -> int:
    """What a public hash of 8 bytes (twice h ^ h >> 32, times a constant) makes h of."""
    for _ in range(2):
        h = h * pow(0xD6E8FEB86659FD93, -1, 2**64) % 2**64
        h ^= h >> 32
    return h


def seconds(words: list[bytes]) -> float:
    table, started = TokenTable(), time.process_time()
    count(table, words)
    assert len(table) == len(words)
    return time.process_time() - started


@pytest.mark.parametrize("length", [8, 16])
def test_no_tokens_are_known_to_fall_on_one_place(length: int) -> None:
    """These did, before tables had a seed, and 80,000 of them took 5 s."""
    places = [unmixed(i << 32 | 7) for i in range(20_000)]
    if length == 8:
        words = [(place ^ 8 * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "little") for place in places]
    else:  # two words w and v, whose hash was mixed(mixed(w) ^ v)
        words = [place.to_bytes(8, "little") + (i << 32 | 5).to_bytes(8, "little") for i, place in enumerate(places)]
    others = [bytes(word) for word in np.random.default_rng(0).integers(0, 256, (20_000, length), np.uint8)]
    assert seconds(words) < 10 * seconds(others) + 0.01


def test_the_same_in_every_process() -> None:
    """Each has a seed of its own, and no result depends on it."""
    code = (
        "import numpy as np; from manyhot.kernels import TokenTable; t = TokenTable();"
        "words = np.random.default_rng(0).integers(97, 99, 60_000, np.uint8); n = np.arange(5_000, dtype=np.int64);"
        "t.count(words, n * 12, (n % 12 + 1).astype(np.int32), None);"
        "print([part.tolist() for part in t.ranked(1, 2**31 - 2)])"
    )
    outputs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)}
    assert len(outputs) == 1
