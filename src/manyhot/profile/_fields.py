"""Fields and vocabularies: what becomes of each column, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from manyhot.errors import DataError, on_one_line
from manyhot.schema import Field, Vocabulary

from ._columns import Column
from ._counts import Counts
from ._label import Label, tells_label
from ._names import names_a_quantity
from ._numbers import propose_steps
from ._overlap import Overlap, find_overlaps, group
from ._sample import Sample
from ._words import percent

__all__ = ["Chosen", "FieldProposal", "VocabularyProposal", "choose"]

_MANY = 1000  # a vocabulary up to this size needs no min_count


@dataclass(frozen=True)
class FieldProposal:
    """A field and what is worth saying of it. reason: for the transforms of numbers; how long bags are."""

    field: Field
    column: Column
    reason: str = ""

    @property
    def comment(self) -> str:
        """All of it, gaps included."""
        column = self.column
        parts = [self.reason or f"{len(column.tokens):,} tokens"]
        if column.share_missing:
            share = percent(column.share_missing)
            parts.append(f"{share} are empty" if column.kind == "bag" else f"missing in {share} of the rows")
        if column.null_word is not None:
            word, often = column.null_word
            parts.append(f'"{word}" in {percent(often)}: a token of its own')
        return ", ".join(parts)


@dataclass(frozen=True)
class VocabularyProposal:
    """A vocabulary, why it has a min_count, and, where fields share it, the overlaps that speak for that."""

    vocabulary: Vocabulary
    why: str
    overlaps: tuple[Overlap, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """left_out: column -> reason. vocabularies: only those of which there is something to say."""

    fields: tuple[FieldProposal, ...]
    vocabularies: tuple[VocabularyProposal, ...]
    left_out: dict[str, str]


def choose(sample: Sample, columns: Sequence[Column], label: Label, *, made_of: str | None = None) -> Chosen:
    """What becomes of each column. made_of: the one that the label was made of.

    Raises DataError where none is left to learn from.
    """
    left_out = _left_out(sample, columns, label)
    if made_of is not None and made_of != label.column:
        left_out[made_of] = f"{on_one_line(label.column)}, the label, is made of it"
    weights = _parallel_weights([c for c in columns if c.name != label.column])
    left_out = {name: why for name, why in left_out.items() if name not in weights.values()}
    others = {label.column, *left_out, *weights.values()}
    kept = [c for c in columns if c.name not in others]
    if not kept:
        reasons = "; ".join(f"{name} {why}" for name, why in left_out.items())
        raise DataError(f"{sample.name}: no column is left to learn from: {reasons}")
    vocabularies = _vocabularies([c for c in kept if c.kind in ("token", "bag")], sample.is_whole)
    owner = {name: v.vocabulary.name for v, members in vocabularies for name in members if len(members) > 1}
    fields = tuple(_field(c, owner.get(c.name), weights.get(c.name)) for c in kept)
    worth_saying = tuple(v for v, _ in vocabularies if v.overlaps or v.vocabulary.min_count > 1)
    return Chosen(fields, worth_saying, left_out)


def _left_out(sample: Sample, columns: Sequence[Column], label: Label) -> dict[str, str]:
    left_out: dict[str, str] = {}
    for column in columns:
        if column.name == label.column:
            continue
        if column.kind in ("constant", "row id", "time", "text", "unreadable"):
            left_out[column.name] = column.why
        elif why := tells_label(column, sample.table[column.name].chunk(0), label):
            left_out[column.name] = on_one_line(why)
    return left_out


def _parallel_weights(columns: Sequence[Column]) -> dict[str, str]:
    """Column of tokens -> the column of numbers beside it whose lists have the same lengths in every row."""
    lists = [c for c in columns if c.lengths is not None and c.separators is None and not c.is_weighted]
    numbers = [c for c in lists if c.kind == "unreadable" or (c.numbers is not None and names_a_quantity(c.name))]
    found: dict[str, str] = {}
    for weights in numbers:
        for column in lists:
            if column.kind == "bag" and column not in numbers and column.name not in found:
                assert weights.lengths is not None and column.lengths is not None
                if weights.numbers is not None and np.array_equal(weights.lengths, column.lengths):
                    found[column.name] = weights.name
                    break
    return found


def _field(column: Column, vocabulary: str | None, weights: str | None) -> FieldProposal:
    steps, reason = None, ""
    if column.kind == "number":
        assert column.numbers is not None
        steps, reason = propose_steps(column.numbers)
    elif column.kind == "bag":
        average = column.num_pairs / int(column.present.sum())
        reason = f"{average:.1f} {'pairs' if column.is_weighted or weights else 'tokens'} a bag"
    field = Field(column.name, vocabulary=vocabulary, separators=column.separators, weights=weights, numeric=steps)
    # An empty bag says nothing by being empty; a gap among tokens or buckets may, and is learned.
    if column.share_missing >= 0.01 and column.kind != "bag" and not field.is_value:
        field = msgspec.structs.replace(field, missing="oov")
    return FieldProposal(field, column, reason)


def _vocabularies(columns: Sequence[Column], is_whole: bool) -> list[tuple[VocabularyProposal, tuple[str, ...]]]:
    """A vocabulary for each column or group of columns, in the order of the columns, with its members."""
    by_name = {column.name: column for column in columns}
    groups, overlaps = group(find_overlaps(columns))
    ordered = [tuple(sorted(g, key=list(by_name).index)) for g in groups]
    shared = {name: members for members in ordered for name in members}
    found = []
    for members in dict.fromkeys(shared.get(name, (name,)) for name in by_name):
        scalars = [name for name in members if by_name[name].kind == "token"]
        name = min(scalars or members, key=len)
        counts = by_name[members[0]].tokens
        for other in members[1:]:
            counts = counts.joined(by_name[other].tokens)
        min_count, why = _min_count(counts, is_whole)
        between = tuple(o for o in overlaps if o.smaller in members)
        found.append((VocabularyProposal(Vocabulary(name, min_count=min_count), why, between), members))
    return found


def _min_count(counts: Counts, is_whole: bool) -> tuple[int, str]:
    """What is seen once teaches nothing but itself; in more rows than the sample holds, a few times is as rare."""
    why = f"{len(counts):,} tokens" + (f", {percent(counts.share_once)} of them once" if counts.share_once else "")
    if len(counts) <= _MANY or counts.share_once < 0.1:
        return 1, why
    return (2 if is_whole else 5), why
