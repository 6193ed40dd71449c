"""The table of tokens against a dictionary in plain Python: counts, ranks, lookups."""

from __future__ import annotations

import itertools
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


def mixed(h: int) -> int:
    """`TokenKey::mixed` in native/token_table.hpp."""
    for _ in range(2):
        h = (h ^ h >> 32) * 0xD6E8FEB86659FD93 % 2**64
    return h


def test_long_tokens_of_one_hash_stay_apart() -> None:
    """For 16 bytes w0 w1 the hash is mixed(mixed(w0) ^ w1): any w0 has a w1 that gives a wanted one."""
    firsts = [i * 0x0123456789ABCDEF % 2**64 for i in range(50)]
    words = [w.to_bytes(8, "little") + (mixed(w) ^ 42).to_bytes(8, "little") for w in firsts]
    table = TokenTable()
    count(table, words[:40])
    count(table, words[:20])
    assert lookup(table, words) == [*range(1, 41), *[0] * 10]
    assert ranked(table) == [(w, 2) for w in sorted(words[:20])] + [(w, 1) for w in sorted(words[20:40])]
