"""Fit: what training rows teach, one batch at a time, in any order of the batches."""

from __future__ import annotations

from dataclasses import dataclass

from manyhot.errors import DataError, nearest_name
from manyhot.schema import Schema

from ._batches import SourceBatch
from ._fields import Summaries, numeric_columns, read_field, read_labels, wanted_columns
from ._in_order import in_order
from ._vocabularies import FittedVocabulary, VocabularyCounter

__all__ = ["Fit", "Learned"]


@dataclass(frozen=True)
class Learned:
    """What one batch taught: its tokens are counted already; these wait for their turn."""

    batch: SourceBatch
    reasons: dict[int, str]
    summaries: Summaries


class Fit:
    """Counts and summaries on their way to vocabularies and transforms. `learn` may run on several threads."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.numbers = numeric_columns(schema)
        self._counters = {v.name: VocabularyCounter(v) for v in schema.vocabularies}
        self._absent, self._names, self._has_rows = set(wanted_columns(schema, with_labels=True)), set[str](), False

    def learn(self, batch: SourceBatch) -> Learned:
        """Counts the tokens of a batch; what it says of numbers is to be given to `add`."""
        learned = Learned(batch, {}, {})
        read_labels(self.schema, batch, learned.reasons)
        for field in self.schema.fields:
            for bags in read_field(field, batch, self.numbers, learned.reasons, learned.summaries):
                self._counters[field.vocabulary_name].count(bags.tokens, bags.times)
        return learned

    def add(self, learned: Learned) -> None:
        """Numbers of a batch, one batch after the other: their order decides the last bits of a mean."""
        for key, summary in learned.summaries.items():
            self.numbers[key].add(summary)
        names = learned.batch.names
        self._names |= names or set()
        self._absent -= self._absent if names is None else names
        self._has_rows |= learned.batch.batch.num_rows > 0

    def check_columns(self, name: str) -> None:
        """Raises DataError where a column occurs in none of the rows; name: of the source.

        (Sources that know their columns say so before the first row.)
        """
        if self._has_rows and self._absent:
            column = min(self._absent)
            raise DataError(f'{name}: column "{column}" never occurs{nearest_name(column, self._names)}')

    def vocabularies(self, num_threads: int) -> dict[str, FittedVocabulary]:
        """Fixes the numeric columns, then the vocabularies, whose tokens may be their buckets."""
        for (field_name, column), number in self.numbers.items():
            late = number.finish()
            if late is not None:
                field = next(f for f in self.schema.fields if f.name == field_name)
                tokens = late[0].prefixed(f"{column}/") if field.columns is not None else late[0]
                self._counters[field.vocabulary_name].count(tokens, late[1])
        fitted = in_order(VocabularyCounter.finish, self._counters.values(), num_threads)
        return dict(zip(self._counters, fitted, strict=True))
