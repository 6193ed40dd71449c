"""Fit: what training rows teach, one batch at a time, in any order of the batches."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from manyhot.errors import DataError, nearest_name
from manyhot.schema import Schema

from ._bags import Bags
from ._batches import SourceBatch
from ._fields import Summaries, numeric_columns, read_fields, read_labels, wanted_columns
from ._in_order import in_order
from ._row_columns import UInt64s, read_row_columns
from ._vocabularies import FittedVocabulary, VocabularyCounter
from .trees import Forest, RowSample, grown, read_inputs

__all__ = ["Fit"]


class Fit:
    """Counts and summaries on their way to vocabularies and transforms. `learn` may run on several threads.

    Neither the order of the batches nor their cuts change a bit of the result.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.numbers = numeric_columns(schema)
        self.counters = {v.name: VocabularyCounter(v, len(schema.columns_of(v.name))) for v in schema.vocabularies}
        trees = {field.name: field.gbdt for field in schema.fields if field.gbdt is not None}
        self.trees = {
            name: (g, RowSample(len(g.input_columns) + 1, g.sample_rows, g.seed)) for name, g in trees.items()
        }
        self._absent, self._names, self._has_rows = set(wanted_columns(schema, with_labels=True)), set[str](), False
        self._lock = threading.Lock()

    def learn(self, batch: SourceBatch) -> dict[int, str]:
        """Takes in the good rows of a batch; why the others are bad."""
        reasons, summaries, columns, rows = self._read(batch)
        if reasons:  # what is read of a row says nothing of other rows, so that now all are good
            others, summaries, columns, rows = self._read(batch.without(reasons))
            assert not others
        for index, pieces in columns:
            counter = self.counters[self.schema.fields[index].vocabulary_name]
            for bags in pieces:
                counter.count(bags.tokens, bags.times)
        for name, inputs in rows.items():
            self.trees[name][1].add(inputs)
        with self._lock:
            for key, summary in summaries.items():
                self.numbers[key].learned.add(summary)
            self._names |= batch.names or set()
            self._absent -= self._absent if batch.names is None else batch.names
            self._has_rows |= batch.batch.num_rows > 0
        return reasons

    def _read(
        self, batch: SourceBatch
    ) -> tuple[dict[int, str], Summaries, list[tuple[int, Iterable[Bags]]], dict[str, UInt64s]]:
        """Why rows are bad, and what the batch teaches, not yet learned: numbers, tokens, rows to grow trees on."""
        reasons: dict[int, str] = {}
        summaries: Summaries = {}
        labels = read_labels(self.schema, batch, reasons)
        read_row_columns(self.schema, batch, reasons)
        columns = read_fields(self.schema, batch, self.numbers, reasons, summaries)
        rows = {name: read_inputs(gbdt, batch, reasons).rows(labels) for name, (gbdt, _) in self.trees.items()}
        return reasons, summaries, columns, rows

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
                self.counters[field.vocabulary_name].count(tokens, late[1])
        fitted = in_order(VocabularyCounter.finish, self.counters.values(), num_threads)
        return dict(zip(self.counters, fitted, strict=True))

    def forests(self, num_threads: int) -> dict[str, Forest]:
        """Grows the trees of each field that has some. Raises ConfigError without LightGBM."""
        forests = in_order(lambda of: grown(*of), self.trees.values(), num_threads)
        return dict(zip(self.trees, forests, strict=True))
