"""Encoder: the only code that turns raw values into ids, in training, evaluation and serving alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from manyhot.errors import ModelFileError
from manyhot.kernels import Float32s, Int32s, Tokens, interleave
from manyhot.schema import Field, Schema

from ._bags import NO_TOKENS, Bags, ColumnReader
from ._batches import Rejects, SourceBatch
from ._in_order import available_threads, in_order
from ._numbers import NumericColumn, Summary, read_numbers
from ._source import Source
from ._vocabularies import FittedVocabulary, VocabularyCounter

__all__ = ["EncodedChunk", "Encoder"]


@dataclass(frozen=True)
class EncodedChunk:
    """Encoded rows, row-major: offsets int32 [rows*F+1], ids int32 [N] within their vocabularies, weights float32 [N]
    or None (all 1; not yet normalised by a combiner), labels float32 [rows] or None."""

    offsets: Int32s
    ids: Int32s
    weights: Float32s | None
    labels: Float32s | None


class Encoder:
    """A schema with everything that was learned from the training data. Make it with `fit` or `from_state`."""

    def __init__(
        self, schema: Schema, vocabularies: dict[str, FittedVocabulary], numbers: dict[tuple[str, str], NumericColumn]
    ) -> None:
        self.schema, self.vocabularies, self._numbers = schema, vocabularies, numbers

    @classmethod
    def fit(cls, schema: Schema, source: Source, *, num_threads: int | None = None) -> Encoder:
        """Learns vocabularies and transforms in one pass. Raises BadRowsError at its end where rows are bad.

        num_threads: None is all cores; it changes no result.
        """
        numbers = _numeric_columns(schema)
        counters = {v.name: VocabularyCounter(v) for v in schema.vocabularies}
        rejects = Rejects()
        batches = rejects.announced(source.batches(_needed(schema, with_labels=True), rejects))
        num_threads = num_threads or available_threads()
        for read in in_order(lambda batch: _learn(schema, batch, numbers, counters), batches, num_threads):
            for key, summary in read.summaries.items():
                numbers[key].add(summary)
            rejects.add_batch(read.batch, read.reasons)
        rejects.check()
        for (field_name, column), number in numbers.items():
            late = number.finish()
            if late is not None:
                field = next(f for f in schema.fields if f.name == field_name)
                tokens = late[0].prefixed(f"{column}/") if field.columns is not None else late[0]
                counters[field.vocabulary_name].count(tokens, late[1])
        return cls(
            schema,
            dict(zip(counters, in_order(VocabularyCounter.finish, counters.values(), num_threads), strict=True)),
            numbers,
        )

    def encode(self, source: Source, *, with_labels: bool, num_threads: int | None = None) -> Iterator[EncodedChunk]:
        """Chunks in the order of the rows. Raises BadRowsError after the last one where rows are bad.

        num_threads: None is all cores; it changes no result.
        """
        rejects = Rejects()
        batches = rejects.announced(source.batches(_needed(self.schema, with_labels), rejects))
        num_threads = num_threads or available_threads()
        for batch, chunk, reasons in in_order(lambda b: self._encode_batch(b, with_labels), batches, num_threads):
            rejects.add_batch(batch, reasons)
            if not rejects.num_rejected:
                yield chunk
        rejects.check()

    def _encode_batch(self, batch: SourceBatch, with_labels: bool) -> tuple[SourceBatch, EncodedChunk, dict[int, str]]:
        reasons: dict[int, str] = {}
        labels = _read_labels(self.schema, batch, reasons) if with_labels else None
        columns = []
        for index, field in enumerate(self.schema.fields):
            vocabulary = self.vocabularies[field.vocabulary_name]
            for bags in _read_field(field, batch, self._numbers, reasons):
                columns.append((vocabulary.lookup(bags.tokens, bags.positions), bags.weights, bags.offsets, index))
        ids, weights, offsets = interleave(columns, batch.batch.num_rows)
        return batch, EncodedChunk(offsets, ids, weights, labels), reasons

    def fingerprint(self) -> str:
        """Of everything that decides what rows are encoded to."""
        settings, arrays = self.state()
        digest = hashlib.sha256(json.dumps(settings).encode())
        for name in sorted(arrays):
            digest.update(name.encode() + arrays[name].tobytes())
        return digest.hexdigest()

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain settings and arrays, for the model file and the cache; `from_state` turns them back."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, vocabulary in self.vocabularies.items():
            arrays[f"vocabulary.{name}.tokens"], arrays[f"vocabulary.{name}.offsets"] = vocabulary.to_arrays()
        numbers = [[field, column, number.fitted] for (field, column), number in self._numbers.items()]
        return {"schema": self.schema.to_dict(), "numbers": numbers}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Encoder:
        """Raises ModelFileError where the parts do not fit together."""
        schema = Schema.from_dict(settings["schema"])
        numbers = _numeric_columns(schema)
        try:
            for field, column, fitted in settings["numbers"]:
                numbers[field, column].fitted = fitted
            vocabularies = {
                v.name: FittedVocabulary.from_arrays(
                    v, arrays[f"vocabulary.{v.name}.tokens"], arrays[f"vocabulary.{v.name}.offsets"]
                )
                for v in schema.vocabularies
            }
        except (KeyError, ValueError) as error:
            raise ModelFileError(f"the encoder in the file is incomplete: {error}") from None
        return cls(schema, vocabularies, numbers)


def _needed(schema: Schema, with_labels: bool) -> tuple[str, ...]:
    return (*schema.columns, schema.label) if with_labels else schema.columns


def _numeric_columns(schema: Schema) -> dict[tuple[str, str], NumericColumn]:
    return {
        (field.name, column): NumericColumn(column, field.steps(column))
        for field in schema.fields
        if field.numeric is not None
        for column in field.input_columns
    }


def _read_labels(schema: Schema, batch: SourceBatch, reasons: dict[int, str]) -> Float32s:
    reader = ColumnReader(batch.origin, schema.label, reasons=reasons)
    values, present = read_numbers(reader, batch.batch.column(schema.label))
    reader.fail(np.flatnonzero(~present), "(the label) is missing")
    reader.fail(np.flatnonzero((values != 0) & (values != 1)), "(the label) is neither 0 nor 1")
    return values.astype(np.float32)


@dataclass(frozen=True)
class _Learned:
    """What one batch taught: its tokens are counted already; these wait for their turn."""

    batch: SourceBatch
    reasons: dict[int, str]
    summaries: dict[tuple[str, str], Summary]


def _learn(
    schema: Schema,
    batch: SourceBatch,
    numbers: dict[tuple[str, str], NumericColumn],
    counters: dict[str, VocabularyCounter],
) -> _Learned:
    learned = _Learned(batch, {}, {})
    _read_labels(schema, batch, learned.reasons)
    for field in schema.fields:
        for bags in _read_field(field, batch, numbers, learned.reasons, learned.summaries):
            counters[field.vocabulary_name].count(bags.tokens, bags.times)
    return learned


def _read_field(
    field: Field,
    batch: SourceBatch,
    numbers: dict[tuple[str, str], NumericColumn],
    reasons: dict[int, str],
    summaries: dict[tuple[str, str], Summary] | None = None,
) -> Iterator[Bags]:
    """The bags of a field, one for each of its columns; while learning, also the summaries of numeric columns."""
    for column in field.input_columns:
        reader = ColumnReader(batch.origin, column, field.weights or "", reasons=reasons)
        array = batch.batch.column(column)
        if field.numeric is not None:
            bags = _numeric_bags(reader, field, numbers[field.name, column], array, summaries)
        else:
            weights = None if field.weights is None else batch.batch.column(field.weights)
            bags = reader.read(array, weights, field.separators)
            bags = bags.with_oov_for_empty() if field.missing == "oov" else bags.without_missing()
            bags = bags.without_zero_weights()
        if field.columns is not None and not field.is_value:
            bags = bags.prefixed(f"{column}/")
        yield bags


def _numeric_bags(
    reader: ColumnReader,
    field: Field,
    number: NumericColumn,
    array: pa.Array,
    summaries: dict[tuple[str, str], Summary] | None,
) -> Bags:
    values, present = read_numbers(reader, array)
    known, reader.rows = values[present], np.flatnonzero(present)
    if summaries is not None and (summary := number.summary(reader, known)) is not None:
        summaries[field.name, number.column] = summary
    rows = len(values)
    offsets = np.arange(rows + 1, dtype=np.int32)
    if field.is_value:
        name = np.frombuffer(number.column.encode(), np.uint8)
        tokens = Tokens(name, np.zeros(1, np.int64), np.array([len(name)], np.int32)).and_missing()
        if summaries is not None:
            return Bags(tokens, None, offsets, np.where(present, np.int32(0), np.int32(1)))
        weights = np.zeros(rows, np.float32)
        weights[present] = number.apply(reader, known)
        return Bags(tokens, weights, offsets, np.zeros(rows, np.int32)).without_zero_weights()
    if summaries is not None and number.counts_late:
        return Bags(NO_TOKENS, None, np.zeros(rows + 1, np.int32))
    tokens, codes = number.bucket_tokens(number.apply(reader, known))
    positions = np.full(rows, len(tokens), np.int32)
    positions[present] = codes
    bags = Bags(tokens.and_missing(), None, offsets, positions)
    return bags if field.missing == "oov" else bags.without_missing()
