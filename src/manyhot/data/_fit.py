"""Fit: what training rows teach, one batch at a time, in any order of the batches."""

from __future__ import annotations

import threading

from manyhot.schema import Schema

from ._batches import SourceBatch
from ._fields import Summaries, numeric_columns, read_fields, read_labels
from ._in_order import in_order
from ._row_columns import read_row_columns
from ._vocabularies import FittedVocabulary, VocabularyCounter

__all__ = ["Fit"]


class Fit:
    """Counts and summaries on their way to vocabularies and transforms. `learn` may run on several threads.

    Neither the order of the batches nor their cuts change a bit of the result.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.numbers = numeric_columns(schema)
        self.counters = {v.name: VocabularyCounter(v) for v in schema.vocabularies}
        self._lock = threading.Lock()

    def learn(self, batch: SourceBatch) -> dict[int, str]:
        """Takes in a batch; the reasons of its bad rows."""
        reasons: dict[int, str] = {}
        summaries: Summaries = {}
        read_labels(self.schema, batch, reasons)
        read_row_columns(self.schema, batch, reasons)
        for index, pieces in read_fields(self.schema, batch, self.numbers, reasons, summaries):
            counter = self.counters[self.schema.fields[index].vocabulary_name]
            for bags in pieces:
                counter.count(bags.tokens, bags.times)
        with self._lock:
            for key, summary in summaries.items():
                self.numbers[key].learned.add(summary)
        return reasons

    def vocabularies(self, num_threads: int) -> dict[str, FittedVocabulary]:
        """Fixes the numeric columns, then the vocabularies, whose tokens may be their buckets."""
        for (field_name, column), number in self.numbers.items():
            late = number.finish()
            if late is not None:
                field = next(f for f in self.schema.fields if f.name == field_name)
                tokens = late[0].prefixed(f"{column}/") if field.columns is not None else late[0]
                self.counters[field.vocabulary_name].count(tokens, late[1])
        fitted = in_order(VocabularyCounter.finish, self.counters.values(), num_threads)
        return dict(zip(self.counters, fitted, strict=True))
