"""Shared vocabularies: overlaps against sets, and numbers that meet by chance only."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_rows import bags, words

from manyhot.profile._columns import describe
from manyhot.profile._overlap import Overlap, find_overlaps, group

ROWS = 1500


def columns(**values):
    return [describe(name, pa.array(v)) for name, v in values.items()]


def joined(lists):
    return ["|".join(bag) or None for bag in lists]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.0, 1.0), numbers=st.booleans())
def test_shares_are_those_of_plain_sets(seed, share, numbers):
    rng = np.random.default_rng(seed)
    pool = [str(n) for n in rng.choice(10**7, 400, replace=False)] if numbers else words(rng, 400)
    num_common = int(100 * share)
    brand = rng.choice(pool[:100], ROWS)
    liked = bags(rng, pool[100 - num_common : 300], ROWS)
    found = find_overlaps(columns(brand=brand, liked=joined(liked)))
    in_bags = {token for bag in liked for token in bag}
    values = brand.tolist()
    of_tokens = len(set(values) & in_bags) / len(set(values))
    of_occurrences = sum(v in in_bags for v in values) / ROWS
    if len(set(values)) > len(in_bags):
        return
    if of_tokens >= 0.3 and of_occurrences >= 0.45:
        (overlap,) = found
        assert (overlap.smaller, overlap.larger) == ("brand", "liked")
        assert overlap.of_tokens == pytest.approx(of_tokens)
        assert overlap.of_occurrences == pytest.approx(of_occurrences)
        assert overlap.by_chance < 0.02
    elif of_tokens < 0.2 or of_occurrences < 0.35:
        assert found == []


def test_dense_numbers_meet_by_chance_and_do_not_share():
    rng = np.random.default_rng(1)
    users, films = rng.integers(1, 600, ROWS), rng.integers(1, 2000, ROWS)
    assert find_overlaps(columns(user=users, film=films, age_code=rng.integers(1, 40, ROWS))) == []


def test_sparse_numbers_that_come_back_share():
    rng = np.random.default_rng(2)
    pool = [str(n) for n in rng.choice(10**6, 500, replace=False)]
    (overlap,) = find_overlaps(
        columns(
            cate_id=rng.choice(pool, ROWS), categories=joined(bags(rng, pool, ROWS)), user=rng.integers(1, 900, ROWS)
        )
    )
    assert {overlap.smaller, overlap.larger} == {"cate_id", "categories"}


def test_dense_numbers_share_where_their_names_are_kindred():
    rng = np.random.default_rng(3)
    pool = [str(n) for n in range(1, 101)]
    lists = joined(bags(rng, pool, ROWS))
    assert len(find_overlaps(columns(cate_id=rng.choice(pool, ROWS), tag_category_list=lists))) == 1
    assert find_overlaps(columns(shop=rng.choice(pool, ROWS), tag_category_list=lists)) == []


def test_a_word_for_null_does_not_speak_against_sharing():
    rng = np.random.default_rng(4)
    pool = words(rng, 50)
    brand = np.where(rng.random(ROWS) < 0.7, "NULL", rng.choice(pool, ROWS))
    (overlap,) = find_overlaps(columns(brand=brand, brands=joined(bags(rng, pool, ROWS))))
    assert overlap.of_occurrences == 1.0


def test_a_few_codes_alike_are_no_vocabulary():
    rng = np.random.default_rng(5)
    codes = ["yes", "no", "unknown", "other"]
    assert find_overlaps(columns(a=rng.choice(codes, ROWS), b=rng.choice(codes, ROWS))) == []


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20))
def test_groups_are_what_is_connected(edges):
    overlaps = [Overlap(str(a), str(b), 1, 1, 0) for a, b in edges if a != b]
    groups, joining = group(overlaps)
    reach = {name: {name} for o in overlaps for name in (o.smaller, o.larger)}
    for _ in reach:
        for o in overlaps:
            both = reach[o.smaller] | reach[o.larger]
            for name in both:
                reach[name] = reach[name] | both
    assert sorted(map(sorted, groups)) == sorted(map(sorted, {frozenset(r) for r in reach.values()}))
    assert len(joining) == sum(len(g) - 1 for g in groups)
    assert sorted(map(sorted, group(joining)[0])) == sorted(map(sorted, groups))
