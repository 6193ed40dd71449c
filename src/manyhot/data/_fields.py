"""What the schema says, read out of a batch: labels, and the bags of each field."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from manyhot.kernels import Float32s, Tokens
from manyhot.schema import Field, Schema

from ._bags import NO_TOKENS, Bags, ColumnReader
from ._batches import SourceBatch
from ._numbers import NumericColumn, Summary, read_numbers

__all__ = ["Numbers", "Summaries", "numeric_columns", "read_field", "read_labels", "wanted_columns"]

Numbers = dict[tuple[str, str], NumericColumn]  # by field and column
Summaries = dict[tuple[str, str], Summary]


def wanted_columns(schema: Schema, with_labels: bool) -> tuple[str, ...]:
    """The columns to ask a source for."""
    return (*schema.columns, schema.label) if with_labels else schema.columns


def numeric_columns(schema: Schema) -> Numbers:
    """Of every numeric field, nothing learned yet."""
    return {
        (field.name, column): NumericColumn(column, field.steps(column))
        for field in schema.fields
        if field.numeric is not None
        for column in field.input_columns
    }


def read_labels(schema: Schema, batch: SourceBatch, reasons: dict[int, str]) -> Float32s:
    """float32 [rows] in {0, 1}."""
    reader = ColumnReader(batch.origin, schema.label, reasons=reasons)
    values, present = read_numbers(reader, batch.batch.column(schema.label))
    reader.fail(np.flatnonzero(~present), "(the label) is missing")
    reader.fail(np.flatnonzero((values != 0) & (values != 1)), "(the label) is neither 0 nor 1")
    return values.astype(np.float32)


def read_field(
    field: Field,
    batch: SourceBatch,
    numbers: Numbers,
    reasons: dict[int, str],
    summaries: Summaries | None = None,
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
    summaries: Summaries | None,
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
            if not number.is_fitted:  # else what the steps do is known after the pass only
                number.apply(reader, known)
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
