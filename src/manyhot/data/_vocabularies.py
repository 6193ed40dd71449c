"""A vocabulary at work: tokens in, ids out. Id 0 is OOV."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.kernels import Int32s, Tokens, TokenTable, hash_tokens, identity_ids
from manyhot.schema import Vocabulary

from ._bags import NO_TOKENS

__all__ = ["Counted", "FittedVocabulary", "VocabularyCounter"]

_NO_LIMIT = 2**31 - 2


@dataclass(frozen=True)
class Counted:
    """What the training data held before min_count and max_size, and what of it is kept.

    distinct, kept: tokens; occurrences, kept_occurrences: pairs of them.
    """

    distinct: int
    occurrences: int
    kept: int
    kept_occurrences: int


class VocabularyCounter:
    """Counts the tokens of all fields of a vocabulary in one pass; several threads may count into one."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._table = TokenTable()
        self._occurrences = 0
        self._lock = threading.Lock()

    def count(self, tokens: Tokens, times: npt.NDArray[np.int64] | None = None) -> None:
        """Adds N tokens, each seen once or `times` int64 [N]."""
        if self.vocabulary.is_fitted:
            present = tokens.lengths > 0
            seen = int(np.count_nonzero(present) if times is None else times[present].sum())
            with self._lock:
                self._table.count(tokens.data, tokens.starts, tokens.lengths, times)
                self._occurrences += seen

    def finish(self) -> FittedVocabulary:
        """Ids 1.. by descending count, ties by token bytes."""
        v = self.vocabulary
        if not v.is_fitted:
            return FittedVocabulary(v, NO_TOKENS)
        data, offsets, counts = self._table.ranked(v.min_count, v.max_size or _NO_LIMIT)
        fitted = FittedVocabulary.from_arrays(v, data, offsets)
        fitted.counted = Counted(len(self._table), self._occurrences, len(counts), int(counts.sum()))
        return fitted


class FittedVocabulary:
    """tokens: in the order of their ids, from id 1; empty where ids are hashed or given.

    counted: what they were chosen from; None where nothing was counted, or where it is no longer known (model files).
    """

    counted: Counted | None = None

    def __init__(self, vocabulary: Vocabulary, tokens: Tokens) -> None:
        self.vocabulary, self.tokens = vocabulary, tokens
        self._table = TokenTable()
        self._table.count(tokens.data, tokens.starts, tokens.lengths, None)

    @classmethod
    def from_arrays(
        cls, vocabulary: Vocabulary, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
    ) -> FittedVocabulary:
        """From all tokens in one buffer and offsets [tokens+1]."""
        return cls(vocabulary, Tokens(data, np.ascontiguousarray(offsets[:-1]), np.diff(offsets).astype(np.int32)))

    def to_arrays(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """The reverse of from_arrays."""
        return self.tokens.data, np.concatenate([[0], np.cumsum(self.tokens.lengths)]).astype(np.int64)

    @property
    def size(self) -> int:
        """V: rows of its tables, OOV included."""
        return 1 + (self.vocabulary.hash_buckets or self.vocabulary.identity or len(self.tokens))

    def lookup(self, tokens: Tokens, positions: Int32s | None = None) -> Int32s:
        """Ids int32 [T] of the tokens, 0 for unknown and for empty ones; with positions int32 [N] those at them [N]."""
        ids = self._ids(tokens)
        return ids if positions is None else ids[positions]

    def _ids(self, tokens: Tokens) -> Int32s:
        if self.vocabulary.hash_buckets is not None:
            ids = (hash_tokens(tokens) % np.uint64(self.vocabulary.hash_buckets)).astype(np.int32) + np.int32(1)
            return np.where(tokens.lengths > 0, ids, np.int32(0))
        if self.vocabulary.identity is not None:
            return identity_ids(tokens, self.vocabulary.identity)
        return self._table.lookup(tokens.data, tokens.starts, tokens.lengths)
