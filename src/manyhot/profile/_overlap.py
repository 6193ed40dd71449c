"""Overlap: which columns hold tokens of one vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._columns import Column
from ._names import are_kin

__all__ = ["Overlap", "find_overlaps", "group"]

_LOOK = 200
_SHIFTS = [s for s in range(-16, 17) if s]


@dataclass(frozen=True)
class Overlap:
    """How much of the smaller column's tokens the larger one knows: of the distinct ones, and of the occurrences.

    by_chance: the share of the distinct ones that would be expected of unrelated numbers in the same range.
    """

    smaller: str
    larger: str
    of_tokens: float
    of_occurrences: float
    by_chance: float


def find_overlaps(columns: Sequence[Column]) -> list[Overlap]:
    """Pairs of columns (tokens or bags) that share enough, the strongest first.

    Words that two columns share are one vocabulary. Whole numbers meet by chance: users 1..600 are all films, too. So
    theirs must share more than the same numbers moved by 1 to 16 would; where both are dense, only kindred names can
    tell.
    """
    large = [c for c in columns if len(c.tokens) >= 10]
    found = [
        overlap
        for i, one in enumerate(large)
        for other in large[i + 1 :]
        if (overlap := _overlap(*sorted((one, other), key=lambda c: len(c.tokens)))) is not None
    ]
    return sorted(found, key=lambda o: o.by_chance - o.of_tokens)


def group(overlaps: Sequence[Overlap]) -> tuple[list[set[str]], list[Overlap]]:
    """Columns that share a vocabulary, directly or by others between them; and the overlaps, the strongest first, that
    suffice to join them, one fewer than a group has columns."""
    groups: list[set[str]] = []
    joining = []
    for overlap in overlaps:
        pair = {overlap.smaller, overlap.larger}
        if any(pair <= g for g in groups):
            continue
        joining.append(overlap)
        touched = [g for g in groups if g & pair]
        groups = [*(g for g in groups if g not in touched), pair.union(*touched)]
    return groups, joining


def _overlap(smaller: Column, larger: Column) -> Overlap | None:
    tokens, times = smaller.tokens.tokens, smaller.tokens.times
    if smaller.null_word is not None:
        kept = np.asarray(pc.not_equal(tokens, smaller.null_word[0])).astype(bool)
        tokens, times = tokens.filter(pa.array(kept)), times[kept]
    first = _known(tokens[:_LOOK], larger)
    if (times[:_LOOK] * first).sum() < 0.1 * times[:_LOOK].sum():
        return None
    known = _known(tokens, larger)
    of_tokens, of_occurrences = float(known.mean()), float((times * known).sum() / times.sum())
    if known.sum() < 10 or of_tokens < 0.25 or of_occurrences < 0.4:
        return None
    chance = 0.0
    numbers, theirs = _whole_numbers(tokens), _whole_numbers(larger.tokens.tokens)
    if numbers is not None and theirs is not None:
        chance = float(np.mean([np.isin(numbers + shift, theirs).mean() for shift in _SHIFTS]))
        deviation = np.sqrt(max(chance * (1 - chance), 1e-4) / len(numbers))
        beyond = known.sum() >= 20 and of_tokens - chance >= max(0.15, 5 * deviation)
        alike = known.sum() >= 20 and min(of_tokens, of_occurrences) >= 0.8 and are_kin(smaller.name, larger.name)
        if not beyond and not alike:
            return None
    return Overlap(smaller.name, larger.name, of_tokens, of_occurrences, chance)


def _known(tokens: pa.Array, column: Column) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(tokens, value_set=column.tokens.tokens)).astype(bool)


def _whole_numbers(tokens: pa.Array) -> npt.NDArray[np.int64] | None:
    """int64 of tokens nearly all of which spell whole numbers (a "NULL" among them does not matter)."""
    spelled = pc.match_substring_regex(tokens, r"^-?\d{1,18}$")
    if pc.mean(spelled).as_py() < 0.99:
        return None
    return np.asarray(tokens.filter(spelled).cast(pa.int64()))
