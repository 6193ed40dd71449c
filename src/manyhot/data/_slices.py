"""Which tokens of one field rows hold, kept while rows pass by: what metrics by token need of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from manyhot.errors import ConfigError, nearest_name
from manyhot.kernels import Int32s

from ._encoder import EncodedChunk, Encoder
from ._vocabularies import FittedVocabulary

__all__ = ["SliceReader", "Slices"]

EMPTY = -1


class Slices(NamedTuple):
    """Row rows[i], int64 [M] ascending, holds codes[i], int32 [M]; each pair once. A row of an empty bag holds -1, an
    OOV one 0, others the feature ids."""

    rows: npt.NDArray[np.int64]
    codes: Int32s


class SliceReader:
    """Takes the chunks of an encoder in their order; keeps twelve bytes a row and token, no raw row.

    Tokens are as the model reads them: unknown ones are all OOV, numbers are their buckets. Raises ConfigError where
    there is no such field, or where its numbers have no buckets.
    """

    def __init__(self, encoder: Encoder, field_name: str) -> None:
        fields = encoder.schema.fields
        names = [field.name for field in fields]
        if field_name not in names:
            raise ConfigError(f'by: there is no field "{field_name}"{nearest_name(field_name, names)}')
        self._index, self._num_fields = names.index(field_name), len(fields)
        field = fields[self._index]
        if field.is_value:
            raise ConfigError(f'by: field "{field_name}" holds numbers, not tokens; name a field of tokens or buckets')
        self._vocabulary = encoder.vocabularies[field.vocabulary_name]
        self._columns = encoder.schema.columns_of(field.vocabulary_name)
        self._num_rows = 0
        self._parts = [Slices(np.zeros(0, np.int64), np.zeros(0, np.int32))]

    def add(self, chunk: EncodedChunk) -> None:
        """Takes in the rows of a chunk."""
        starts, ends = (chunk.offsets[i :: self._num_fields] for i in (self._index, self._index + 1))
        starts = starts[: len(ends)].astype(np.int64)
        lengths = ends - starts
        rows = np.repeat(np.arange(len(lengths)), lengths)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        codes = chunk.ids[np.repeat(starts, lengths) + within]
        rows = np.concatenate([rows, np.flatnonzero(lengths == 0)])
        codes = np.concatenate([codes, np.full(len(rows) - len(codes), EMPTY, np.int32)])
        rows, shifted = np.divmod(np.unique(rows * (self._vocabulary.size + 1) + codes + 1), self._vocabulary.size + 1)
        self._parts.append(Slices(rows + self._num_rows, (shifted - 1).astype(np.int32)))
        self._num_rows += len(lengths)

    @property
    def slices(self) -> Slices:
        """Of all rows so far."""
        return Slices(*(np.concatenate(parts) for parts in zip(*self._parts, strict=True)))

    def name(self, code: int) -> str:
        """The token of a code; a word in brackets where it stands for several or for none."""
        return "(empty)" if code == EMPTY else _token(self._vocabulary, self._columns, code)


def _token(fitted: FittedVocabulary, columns: Sequence[str], feature: int) -> str:
    vocabulary = fitted.vocabulary
    if feature == 0:
        return "(OOV)"
    if vocabulary.hash_buckets is not None:
        return f"(bucket {feature - 1})"
    if vocabulary.identity is not None and feature <= vocabulary.identity:
        return str(feature - 1)
    if feature <= len(fitted.tokens):
        start, length = fitted.tokens.starts[feature - 1], fitted.tokens.lengths[feature - 1]
        return fitted.tokens.data[start : start + length].tobytes().decode(errors="replace")
    known = vocabulary.identity or len(fitted.tokens)
    place = feature - 1 - known
    return f"(OOV of {columns[place]})" if vocabulary.oov == "column" else f"(OOV bucket {place})"
