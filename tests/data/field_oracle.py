"""What fields and vocabularies mean, in plain Python and slow: docs/semantics.md, sections 1 and 4, word by word.

A row is a dict: column -> None, text, a whole number, or a list of (token, weight).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from manyhot.schema import Field, Schema, Vocabulary

Row = dict[str, Any]
Pair = tuple[str, float]  # the token "" has no text: it is OOV


def hash_of(token: str) -> int:
    """FNV-1a, then the finalizer of murmur3, 64 bits."""
    bits = 2**64 - 1
    h = 0xCBF29CE484222325
    for byte in token.encode():
        h = (h ^ byte) * 0x100000001B3 & bits
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & bits
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & bits
    return h ^ h >> 33


class Oracle:
    """Fits a schema on rows, then says the bags of ids of any rows, and what was cut."""

    def __init__(self, schema: Schema, training: Sequence[Row]) -> None:
        self.schema, self.training = schema, training
        counts: dict[str, Counter[str]] = {v.name: Counter() for v in schema.vocabularies}
        for row in training:
            for field in schema.fields:
                counts[field.vocabulary_name].update(token for token, _ in self.bag(field, row) if token)
        self.known = {v.name: known_tokens(v, counts[v.name]) for v in schema.vocabularies}
        self.cuts: dict[str, list[int]] = {}

    def encode(self, rows: Sequence[Row]) -> list[list[list[tuple[int, float]]]]:
        """[row][field] -> pairs (id, weight)."""
        return [[self.ids(field, row) for field in self.schema.fields] for row in rows]

    def ids(self, field: Field, row: Row) -> list[tuple[int, float]]:
        before, bag = self.uncut(field, row), self.bag(field, row)
        if len(bag) < len(before):
            cut = self.cuts.setdefault(field.name, [0, 0])
            cut[0], cut[1] = cut[0] + len(before) - len(bag), cut[1] + 1
        vocabulary = next(v for v in self.schema.vocabularies if v.name == field.vocabulary_name)
        known = self.known[vocabulary.name]
        pairs = [(self.in_column(field, vocabulary, id_of(vocabulary, known, t), t), weight) for t, weight in bag]
        return [pair for pair in pairs if pair[0] != 0] if vocabulary.oov == "drop" else pairs

    def in_column(self, field: Field, vocabulary: Vocabulary, found: int, token: str) -> int:
        """An unknown token under oov = "column": the id of the column that it comes from."""
        if vocabulary.oov != "column" or found or not token:
            return found
        fields = [f for f in self.schema.fields if f.vocabulary_name == vocabulary.name]
        names = sorted({c for f in fields for c in f.input_columns} | {f.name for f in fields if f.cross is not None})
        column = field.name if field.cross is not None else field.column or field.name
        if field.columns is not None:
            column = token[: token.index("/")]
        last = vocabulary.identity or len(self.known[vocabulary.name])
        return last + 1 + names.index(column)

    def bag(self, field: Field, row: Row) -> list[Pair]:
        return heaviest(self.uncut(field, row), field.max_pairs)

    def uncut(self, field: Field, row: Row) -> list[Pair]:
        if field.cross is not None:
            fields = {f.name: f for f in self.schema.fields}
            return crossed([self.bag(fields[name], row) for name in field.cross])
        return [pair for column in field.input_columns for pair in self.column(field, column, row[column])]

    def column(self, field: Field, column: str, value: Any) -> list[Pair]:
        if value is None or value == "":
            pairs = []
        elif isinstance(value, list):
            pairs = value
        elif field.numeric is not None:
            pairs = [(self.bucket(field, column, value), 1.0)]
        else:
            pairs = [(str(value), 1.0)]
        if not pairs and field.missing != "empty":
            pairs = [("<missing>" if field.missing == "token" else "", 1.0)]
        prefix = f"{column}/" if field.columns is not None else ""
        return [(prefix + token if token else "", weight) for token, weight in pairs if weight != 0]

    def bucket(self, field: Field, column: str, value: float) -> str:
        (step,) = field.steps(column)
        if step.name == "bucket":
            return str(sum(boundary <= value for boundary in step.arguments))
        buckets = int(step.arguments[0])
        ordered = sorted(row[column] for row in self.training if row[column] is not None)
        ends = {ordered[math.ceil(k * len(ordered) / buckets) - 1] for k in range(1, buckets)} if ordered else set()
        return str(sum(end < value for end in ends))


def heaviest(bag: list[Pair], max_pairs: int | None) -> list[Pair]:
    """Takes the lightest away, of equals the last, until few enough are left."""
    bag = list(bag)
    while max_pairs is not None and len(bag) > max_pairs:
        least = min(abs(weight) for _, weight in bag)
        del bag[max(i for i, (_, weight) in enumerate(bag) if abs(weight) == least)]
    return bag


def crossed(bags: list[list[Pair]]) -> list[Pair]:
    result = []
    for pairs in itertools.product(*bags):
        token = "|".join(token.replace("\\", "\\\\").replace("|", "\\|") for token, _ in pairs)
        weight = float(np.float32(math.prod(weight for _, weight in pairs)))
        if weight != 0:
            result.append((token, weight))
    return result


def known_tokens(vocabulary: Vocabulary, counts: Counter[str]) -> list[str]:
    """In the order of their ids, from id 1; none where ids are hashed or given."""
    if not vocabulary.is_fitted:
        return []
    kept = [token for token, count in counts.items() if count >= vocabulary.min_count]
    return sorted(kept, key=lambda token: (-counts[token], token.encode()))[: vocabulary.max_size]


def id_of(vocabulary: Vocabulary, known: list[str], token: str) -> int:
    if not token:
        return 0
    if vocabulary.hash_buckets is not None:
        return 1 + hash_of(token) % vocabulary.hash_buckets
    if vocabulary.identity is not None:
        last = vocabulary.identity
        found = 1 + int(token) if token.isascii() and token.isdigit() and int(token) < last else 0
    else:
        last = len(known)
        found = 1 + known.index(token) if token in known else 0
    if found == 0 and vocabulary.oov_buckets is not None:
        return last + 1 + hash_of(token) % vocabulary.oov_buckets
    return found
