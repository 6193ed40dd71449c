"""Encoded rows as plain lists, and shorthands that go through the public Encoder."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from manyhot.data import EncodedChunk, Encoder, Rejects, open_source
from manyhot.errors import BadRowsError
from manyhot.schema import Field, Reading, Schema

Bag = list[tuple[int, float]]


def schema_of(*fields: Field) -> Schema:
    return Schema(label="y", fields=fields)


def with_label(columns: dict[str, Any]) -> pa.Table:
    """The columns and a label of zeros."""
    rows = len(next(iter(columns.values())))
    return pa.table({**columns, "y": pa.array(np.zeros(rows, np.int64))})


def fit(schema: Schema, data: Any, folder: Path = Path(), **options: Any) -> Encoder:
    return Encoder.fit(schema, open_source(data, folder=folder, reading=Reading(**options)))


def encode(encoder: Encoder, data: Any, *, with_labels: bool = False, **options: Any) -> list[EncodedChunk]:
    return list(encoder.encode(open_source(data, reading=Reading(**options)), with_labels=with_labels))


def rows_of(chunks: Iterable[EncodedChunk], num_fields: int) -> list[list[Bag]]:
    """[row][field] -> pairs (id, weight)."""
    rows: list[list[Bag]] = []
    for chunk in chunks:
        offsets, ids = chunk.offsets.tolist(), chunk.ids.tolist()
        weights = [1.0] * len(ids) if chunk.weights is None else chunk.weights.tolist()
        pairs = list(zip(ids, weights, strict=True))
        bags = [pairs[a:b] for a, b in itertools.pairwise(offsets)]
        rows += [bags[i : i + num_fields] for i in range(0, len(bags), num_fields)]
    return rows


def tokens_of(encoder: Encoder, vocabulary: str) -> list[str]:
    """Tokens by id; id 0 is "OOV"."""
    tokens = encoder.vocabularies[vocabulary].tokens
    return ["OOV", *(tokens[i] for i in range(len(tokens)))]


def bags_as_tokens(encoder: Encoder, field: Field, data: Any) -> list[list[tuple[str, float]]]:
    """The bags of a schema of one field, ids turned back into tokens."""
    names = tokens_of(encoder, field.vocabulary_name)
    return [[(names[i], w) for i, w in row[0]] for row in rows_of(encode(encoder, data), 1)]


def in_pieces(table: pa.Table, cuts: Sequence[int]) -> pa.Table:
    """The same rows in several chunks, each a slice with an offset: a source turns each into a batch."""
    edges = [0, *sorted({c for c in cuts if 0 < c < len(table)}), len(table)]
    pieces = [table.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    return pa.concat_tables(pieces)


def sentences_of(rejects: Rejects) -> tuple[str, ...]:
    """Of the first bad rows, at the end of a pass."""
    try:
        rejects.check()
    except BadRowsError as error:
        return error.first
    return ()


def assert_same_chunks(left: Sequence[EncodedChunk], right: Sequence[EncodedChunk]) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        for name in ("offsets", "ids", "weights", "labels", "example_weights", "groups"):
            x, y = getattr(a, name), getattr(b, name)
            assert (x is None) == (y is None), name
            if x is not None:
                assert x.dtype == y.dtype, name
                np.testing.assert_array_equal(x, y, err_msg=name, strict=True)
