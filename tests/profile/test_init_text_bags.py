"""Text bags: separators found on generated bags, none on titles, dates, times, URLs, browsers and numbers."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_rows import bags, words

from manyhot.profile._text_bags import find_text_bag


def texts(values):
    return pa.array([value or None for value in values], pa.large_string())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    pair=st.sampled_from(["|", ";", "^", ",", "\t"]),
    weight=st.sampled_from([None, ":", "=", "#"]),
    rows=st.integers(80, 400),
    num_tokens=st.integers(5, 60),
    numbers=st.booleans(),
)
def test_the_separators_and_the_tokens_of_a_bag_are_found(seed, pair, weight, rows, num_tokens, numbers):
    rng = np.random.default_rng(seed)
    tokens = [str(n) for n in rng.choice(10**6, num_tokens, replace=False)] if numbers else words(rng, num_tokens)
    lists = bags(rng, tokens, rows)
    weights = [[f"{weight}{rng.random():.3g}" if weight else "" for _ in bag] for bag in lists]
    column = [pair.join(t + w for t, w in zip(bag, ws, strict=True)) for bag, ws in zip(lists, weights, strict=True)]
    found = find_text_bag(texts(column))
    assert found is not None
    assert (found.separators.pair, found.separators.weight) == (pair, weight)
    expected = Counter(token for bag in lists for token in bag)
    assert dict(zip(found.tokens.tokens.to_pylist(), found.tokens.times.tolist(), strict=True)) == expected
    assert found.num_pairs == expected.total() and found.num_bad == 0


@pytest.mark.parametrize("pair", [" ", "|"])
def test_numbers_between_spaces_are_a_bag(pair):
    rng = np.random.default_rng(1)
    lists = bags(rng, [str(n) for n in range(100, 160)], 300)
    assert find_text_bag(texts(pair.join(bag) for bag in lists)).separators.pair == pair


def titles(rng, rows):
    vocabulary = [*(w.capitalize() for w in words(rng, 300)), "The", "of", "and"]
    chosen = [list(rng.choice(vocabulary, rng.integers(1, 6))) for _ in range(rows)]
    return [
        " ".join(t[:2]) + (", " + " ".join(t[2:]) if len(t) > 2 else "") + f" ({1950 + i % 60})"
        for i, t in enumerate(chosen)
    ]


def no_bags(rng, rows=400):
    two = rng.integers(0, 60, (rows, 2))
    cities = words(rng, 30)
    return {
        "titles": titles(rng, rows),
        "dates": [f"2014-10-{1 + a % 28:02d}" for a, _ in two],
        "date and time": [f"2014-10-{1 + a % 28:02d} {a % 24:02d}:{b:02d}" for a, b in two],
        "slashes": [f"{1 + a % 28}/{1 + b % 12}/2014" for a, b in two],
        "times": [f"{a % 24}:{b:02d}" for a, b in two],
        "urls": [f"http://shop.example/{cities[a % 30]}?page={b},{a}" for a, b in two],
        "city, country": [f"{cities[a % 30]}, {cities[b % 5]}" for a, b in two],
        "coordinates": [f"{a}.{b:02d},{b}.{a:02d}" for a, b in two],
        "decimal commas": [f"{a},{b}" if b % 3 else f"{a}" for a, b in two],
        "thousands": [f"{a * b * 997:,}" for a, b in two],
        "hashes": [f"{rng.integers(2**32):08x}" for _ in range(rows)],
        "words": [cities[a % 30] for a, _ in two],
        "json": [f'{{"a": {a}, "b": [{b}, {a}]}}' for a, b in two],
        "browsers": [f"Mozilla/5.0 (X11; {cities[a % 9]}; rv:{b}) Gecko" if a % 3 else f"Opera/9.{b}" for a, b in two],
        "queries": [" ".join(rng.choice(cities, rng.integers(1, 4))) for _ in range(rows)],
    }


@pytest.mark.parametrize("kind", list(no_bags(np.random.default_rng(0))))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_no_bag_is_not_taken_apart(kind, seed):
    assert find_text_bag(texts(no_bags(np.random.default_rng(seed))[kind])) is None


def test_times_of_day_in_a_list_are_tokens_and_not_weights():
    rng = np.random.default_rng(3)
    clocks = [f"{h}:{m:02d}" for h in range(0, 24, 3) for m in (0, 5, 30)]
    found = find_text_bag(texts(",".join(bag) for bag in bags(rng, clocks, 300)))
    assert (found.separators.pair, found.separators.weight) == (",", None)


def test_values_that_cannot_be_read_are_counted():
    rng = np.random.default_rng(4)
    column = ["|".join(bag) for bag in bags(rng, words(rng, 20), 300, empty=0.0)]
    column[7] += "|"
    column[9] = "a||b"
    found = find_text_bag(texts(column))
    assert found.separators.pair == "|" and found.num_bad == 2 and found.bad == column[7]
