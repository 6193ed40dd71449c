"""Tally: what the bags of one part hold, counted a block at a time.

Memory: one byte for each row of a field's vocabulary, beside what is fixed; never more with more examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.data import EncodedChunk, Encoder, Examples, FittedVocabulary
from manyhot.schema import Field

from ._blocks import FieldBags, blocks, by_field
from ._spread import Spread, SpreadReport
from ._tokens import columns_by_id, null_ids

__all__ = ["FieldReport", "FileLabels", "Tally"]

WEIGHTS = "weights"  # the name of a token field's weights among the numbers


@dataclass(frozen=True)
class FileLabels:
    """The labels of one file of a part: rows, how many of them have label 1, and the share of these."""

    name: str
    rows: int
    positives: int
    label_rate: float


@dataclass(frozen=True)
class FieldReport:
    """The bags of one field in one part.

    pairs: all of them; tokens: those that do not stand for a missing value; oov: of these, the ones whose token is
    OOV, and oov_share their share. empty_share: of the bags, those without a token. A bag's number of pairs: mean, p99
    (at least 99 % of the bags have no more), most. distinct: known tokens that occur. By column, where there are
    several and ids tell them apart: distinct known tokens, and pairs that have one. numbers: of a value field's
    columns, and of the weights of tokens ("weights") where they are not all 1. nulls: of the pairs, the share of each
    token that is a word for nothing.
    """

    rows: int
    pairs: int
    tokens: int
    oov: int
    empty_share: float
    oov_share: float
    mean_pairs: float
    p99_pairs: int
    most_pairs: int
    distinct: int
    distinct_by_column: dict[str, int]
    pairs_by_column: dict[str, int]
    numbers: dict[str, SpreadReport]
    nulls: dict[str, float]


class Tally:
    """Counts over the Examples of one part. labels: of each origin, [rows, positives]."""

    def __init__(self, encoder: Encoder, examples: Examples) -> None:
        schema = encoder.schema
        self.fields = {f.name: _FieldTally(f, encoder.vocabularies[f.vocabulary_name]) for f in schema.fields}
        self._labels: dict[str, npt.NDArray[np.int64]] = {}
        for block in blocks(examples):
            self._add(block)

    def _add(self, block: EncodedChunk) -> None:
        assert block.labels is not None
        rows_and_positives = self._labels.setdefault(block.origin, np.zeros(2, np.int64))
        rows_and_positives += np.array([len(block.labels), np.count_nonzero(block.labels)])
        missing = block.missing or (0,) * len(self.fields)
        for tally, bags, num_missing in zip(
            self.fields.values(), by_field(block, len(self.fields)), missing, strict=True
        ):
            tally.add(bags, num_missing)

    def files(self) -> tuple[FileLabels, ...]:
        """In the order of their rows."""
        counts = ((name, *counts.tolist()) for name, counts in self._labels.items())
        return tuple(FileLabels(name, rows, positives, positives / rows) for name, rows, positives in counts)


class _FieldTally:
    def __init__(self, field: Field, vocabulary: FittedVocabulary) -> None:
        self._field = field
        self._column_of = columns_by_id(field, vocabulary)
        self._words = null_ids(field, vocabulary)
        self._rows = self._pairs = self._oov = self._missing = self._empty = 0
        self._seen, self._unknown = np.zeros(vocabulary.size, bool), vocabulary.unknown
        self._lengths: dict[int, int] = {}
        self._spreads: dict[str, Spread] = {}
        self._nulls = dict.fromkeys(self._words, 0)
        self._by_column = np.zeros(len(field.input_columns), np.int64)

    def add(self, bags: FieldBags, num_missing: int) -> None:
        self._rows += len(bags.lengths)
        self._pairs += len(bags.ids)
        self._missing += num_missing
        self._empty += int(np.count_nonzero(bags.lengths == 0))
        self._oov += int(np.count_nonzero(self._unknown[bags.ids]))
        self._seen[bags.ids] = True
        for length, times in zip(*np.unique(bags.lengths, return_counts=True), strict=True):
            self._lengths[int(length)] = self._lengths.get(int(length), 0) + int(times)
        for number in self._words:
            self._nulls[number] += int(np.count_nonzero(bags.ids == number))
        columns = self._field.input_columns
        numbers = None if self._column_of is None else self._column_of[bags.ids]
        if numbers is not None:
            self._by_column += np.bincount(numbers[numbers >= 0], minlength=len(columns))
        if bags.weights is None:
            return
        if not self._field.is_value:
            self._spread(WEIGHTS).add(bags.weights)
        elif numbers is None:
            self._spread(columns[0]).add(bags.weights)
        else:
            for number, column in enumerate(columns):
                self._spread(column).add(bags.weights[numbers == number])

    def _spread(self, name: str) -> Spread:
        return self._spreads.setdefault(name, Spread())

    def report(self) -> FieldReport:
        """Of at least one row."""
        lengths = np.array(sorted(self._lengths), np.int64)
        bags = np.cumsum([self._lengths[length] for length in lengths.tolist()])
        seen = self._seen & ~self._unknown
        by_column: npt.NDArray[np.int64] = (
            np.array([seen.sum()])
            if self._column_of is None
            else np.bincount(self._column_of[seen & (self._column_of >= 0)], minlength=len(self._by_column))
        )
        # Of several columns each has a place of its own for what is missing.
        places = self._rows * (len(self._by_column) if self._missing else 1)
        oov, tokens = self._oov - self._missing, self._pairs - self._missing
        return FieldReport(
            rows=self._rows,
            pairs=self._pairs,
            tokens=tokens,
            oov=oov,
            empty_share=(self._empty + self._missing) / places,
            oov_share=oov / max(1, tokens),
            mean_pairs=self._pairs / self._rows,
            p99_pairs=int(lengths[np.searchsorted(bags, -(-99 * self._rows // 100))]),
            most_pairs=int(lengths[-1]),
            distinct=int(by_column.sum()),
            distinct_by_column=self._named(by_column),
            pairs_by_column=self._named(self._by_column),
            numbers={
                name: spread.report()
                for name, spread in self._spreads.items()
                if spread.count and (name != WEIGHTS or self._field.is_value or (spread.low, spread.high) != (1, 1))
            },
            nulls={self._words[number]: times / self._pairs for number, times in self._nulls.items() if times},
        )

    def _named(self, by_column: npt.NDArray[np.int64]) -> dict[str, int]:
        """By column, where ids tell columns apart."""
        if self._column_of is None:
            return {}
        return dict(zip(self._field.input_columns, by_column.tolist(), strict=True))
