"""What the schema says, read out of a batch: labels, and the bags of each field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from manyhot.kernels import Float32s, Tokens
from manyhot.schema import Field, Schema, Vocabulary

from ._bags import MISSING, NO_TOKENS, Bags, ColumnReader
from ._batches import SourceBatch
from ._cross import MOST_COMBINATIONS, Crossed, in_one_bag
from ._heaviest import heaviest
from ._numbers import NumericColumn, Summary, read_numbers

__all__ = ["Numbers", "Summaries", "numeric_columns", "read_fields", "read_labels", "wanted_columns"]

Numbers = dict[tuple[str, str], NumericColumn]  # by field and column
Summaries = dict[tuple[str, str], Summary]


def wanted_columns(schema: Schema, with_labels: bool) -> tuple[str, ...]:
    """The columns to ask a source for, once each (a group may be a field too)."""
    if not with_labels:
        return schema.columns
    rows = (column for column in (*schema.labels, schema.example_weights, schema.group) if column is not None)
    return tuple(dict.fromkeys((*schema.columns, *rows)))


def numeric_columns(schema: Schema) -> Numbers:
    """Of every numeric field, nothing learned yet."""
    return {
        (field.name, column): NumericColumn(column, field.steps(column))
        for field in schema.fields
        if field.numeric is not None
        for column in field.input_columns
    }


def read_labels(schema: Schema, batch: SourceBatch, reasons: dict[int, str]) -> Float32s:
    """float32 [rows] in {0, 1}; of T labels [rows, T], where NaN stands for one that is missing beside others."""
    several = len(schema.labels) > 1
    labels = np.empty((batch.batch.num_rows, len(schema.labels)), np.float32)
    for t, name in enumerate(schema.labels):
        reader = ColumnReader(batch.origin, name, reasons=reasons)
        values, present = read_numbers(reader, batch.batch.column(name))
        reader.fail(np.flatnonzero((values != 0) & (values != 1) & present), "(the label) is neither 0 nor 1")
        labels[:, t] = np.where(present, values, np.nan)
    missing = np.flatnonzero(np.isnan(labels).all(1))
    reader.fail(missing, "(the label) is missing, as are all the others" if several else "(the label) is missing")
    return labels if several else labels[:, 0]


def read_fields(
    schema: Schema,
    batch: SourceBatch,
    numbers: Numbers,
    reasons: dict[int, str],
    summaries: Summaries | None = None,
) -> list[tuple[int, Iterable[Bags]]]:
    """Bags with the place of their field in the schema, in its order, a field of several columns having as many; none
    of the leaves of trees.

    Bags come in pieces: each has some rows, all together have all. While learning (`summaries` are then filled) crosses
    whose tokens nobody counts are left out, once their bad rows are known.
    """
    found: dict[str, list[Bags]] = {}
    crossed = {name for field in schema.fields for name in field.cross or ()}
    for field in schema.fields:
        if not (field.cross or field.gbdt):
            found[field.name] = list(_read_columns(field, batch, numbers, reasons, summaries))
            if field.max_pairs is not None or field.name in crossed:
                bags = in_one_bag(found[field.name])
                found[field.name] = [bags if field.max_pairs is None else heaviest(bags, field.max_pairs)]
    parts: list[tuple[int, Iterable[Bags]]] = []
    counted = {v.name for v in schema.vocabularies if v.is_fitted}
    for index, field in enumerate(schema.fields):
        if field.gbdt is not None:
            continue  # `trees.read_leaves`
        if field.cross is None:
            parts += [(index, [bags]) for bags in found[field.name]]
            continue
        pieces = Crossed([found[name][0] for name in field.cross], field.max_pairs)
        _fail_crosses(field, pieces, reasons)
        if summaries is None or field.vocabulary_name in counted:
            parts.append((index, pieces))
    return parts


def _fail_crosses(field: Field, crossed: Crossed, reasons: dict[int, str]) -> None:
    for bad, why in (
        (crossed.too_many, f"has more than {MOST_COMBINATIONS:,} combinations; set max_pairs in the fields it crosses"),
        (crossed.too_heavy, "has a product of weights that is too large for float32"),
    ):
        for row in np.flatnonzero(bad):
            reasons.setdefault(int(row), f'field "{field.name}" {why}')


def _read_columns(
    field: Field,
    batch: SourceBatch,
    numbers: Numbers,
    reasons: dict[int, str],
    summaries: Summaries | None,
) -> Iterator[Bags]:
    """The bags of each column of a field."""
    unknown_by_column = isinstance(field.vocabulary, Vocabulary) and field.vocabulary.oov == "column"
    for index, column in enumerate(field.input_columns):
        reader = ColumnReader(batch.origin, column, field.weights or "", reasons=reasons)
        array = batch.batch.column(column)
        if field.numeric is not None:
            bags = _numeric_bags(reader, field, numbers[field.name, column], array, summaries)
        else:
            weights = None if field.weights is None else batch.batch.column(field.weights)
            bags = reader.read(array, weights, field.separators)
            if field.missing == "empty":
                bags = bags.without_missing()
            else:
                bags = bags.with_oov_for_empty() if field.missing == "oov" else bags.with_token_for_empty()
            bags = bags.without_zero_weights()
        if field.columns is not None and not field.is_value:
            bags = bags.prefixed(f"{column}/")
        yield bags.of_column(index) if unknown_by_column and field.columns is not None else bags


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
        # The bucket is not known yet: an empty token, which nobody counts, stands for it.
        tokens, codes = NO_TOKENS.and_missing(), np.zeros(len(known), np.int32)
    else:
        tokens, codes = number.bucket_tokens(number.apply(reader, known))
    positions = np.full(rows, len(tokens), np.int32)
    positions[present] = codes
    tokens = tokens.and_token(MISSING if field.missing == "token" else "")
    bags = Bags(tokens, None, offsets, positions)
    return bags if field.missing != "empty" or present.all() else bags.only(present)
