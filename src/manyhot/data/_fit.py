"""Fit: what training rows teach, one batch at a time, in any order of the batches."""

from __future__ import annotations

from dataclasses import dataclass

from manyhot.schema import Schema

from ._bags import Bags
from ._batches import SourceBatch
from ._fields import Summaries, numeric_columns, read_field, read_labels
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

    def learn(self, batch: SourceBatch) -> Learned:
        """Counts the tokens of the good rows of a batch; what they say of numbers is to be given to `add`."""
        learned, columns = self._read(batch)
        reasons = learned.reasons
        if reasons:  # what is read of a row says nothing of other rows, so that now all are good
            learned, columns = self._read(batch.without(reasons))
            assert not learned.reasons
        for name, bags in columns:
            self._counters[name].count(bags.tokens, bags.times)
        return Learned(batch, reasons, learned.summaries)

    def _read(self, batch: SourceBatch) -> tuple[Learned, list[tuple[str, Bags]]]:
        """And the bags with the names of their vocabularies."""
        learned = Learned(batch, {}, {})
        read_labels(self.schema, batch, learned.reasons)
        columns = [
            (field.vocabulary_name, bags)
            for field in self.schema.fields
            for bags in read_field(field, batch, self.numbers, learned.reasons, learned.summaries)
        ]
        return learned, columns

    def add(self, learned: Learned) -> None:
        """Numbers of a batch, one batch after the other: their order decides the last bits of a mean."""
        for key, summary in learned.summaries.items():
            self.numbers[key].add(summary)

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
