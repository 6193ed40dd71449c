"""Which column each feature of a field comes from, and which features stand for "nothing"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.data import FittedVocabulary
from manyhot.kernels import Int32s, Tokens
from manyhot.schema import Field

__all__ = ["columns_by_id", "null_ids"]

# What programs write where there is nothing. Real tokens may look alike ("-" of a menu), so that it is only a warning.
_NULLS = (
    *("NULL", "Null", "null", "NaN", "nan", "NAN", "NaT", "None", "none", "N/A", "n/a", "NA", "#N/A", "<NA>", "nil"),
    *("\\N", "-", "--", "?", "undefined", "[]", "{}", "(null)"),
)


def columns_by_id(field: Field, vocabulary: FittedVocabulary) -> Int32s | None:
    """For each id of a field of several columns the number of its column, int32 [V]; -1 for OOV and for tokens of other
    fields. None where the field has one column, or where ids do not tell (hashed and given ones)."""
    if len(field.input_columns) == 1 or not vocabulary.vocabulary.is_fitted:
        return None
    data, offsets = vocabulary.to_arrays()
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(data))]
    tokens = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
    column_of = np.full(vocabulary.size, -1, np.int32)
    longest_last = sorted(enumerate(field.input_columns), key=lambda numbered: len(numbered[1]))
    for number, column in longest_last:
        matches = pc.equal(tokens, column.encode()) if field.is_value else pc.starts_with(tokens, f"{column}/")
        column_of[1 : 1 + len(tokens)][np.asarray(matches).astype(bool)] = number
    return column_of


def null_ids(field: Field, vocabulary: FittedVocabulary) -> dict[int, str]:
    """Ids of known tokens that are words for nothing, and these words."""
    if field.numeric is not None or not vocabulary.vocabulary.is_fitted:
        return {}
    prefixes = [f"{column}/" for column in field.columns] if field.columns is not None else [""]
    texts = [prefix + word for prefix in prefixes for word in _NULLS]
    ids = vocabulary.known_ids(_tokens(texts))
    return {int(number): text for number, text in zip(ids, texts, strict=True) if number > 0}


def _tokens(texts: list[str]) -> Tokens:
    encoded = [text.encode() for text in texts]
    lengths: npt.NDArray[np.int32] = np.array([len(text) for text in encoded], np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1].astype(np.int64)
    return Tokens(np.frombuffer(b"".join(encoded), np.uint8), starts, lengths)
