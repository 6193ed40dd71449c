"""A vocabulary at work: tokens in, ids out. Id 0 is OOV."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from manyhot.kernels import Float32s, Int32s, Tokens, TokenTable, hash_tokens, identity_ids
from manyhot.schema import Vocabulary

from ._bags import NO_TOKENS, Bags, Cut, offsets_of

__all__ = ["Counted", "FittedVocabulary", "VocabularyCounter"]

Pairs = tuple[Int32s, Float32s | None, Int32s]  # ids [N], weights [N] or None, offsets [rows+1]
_NO_LIMIT = 2**31 - 2
_FIRST = np.int32(0)


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
    """Counts the tokens of all fields of a vocabulary in one pass; several threads may count into one.

    num_columns: that give it tokens.
    """

    def __init__(self, vocabulary: Vocabulary, num_columns: int) -> None:
        self.vocabulary, self._num_columns = vocabulary, num_columns
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

    def counted(self) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """All tokens so far and how often each was seen, int64 [T]."""
        data, offsets, times = self._table.ranked(1, _NO_LIMIT)
        return _tokens(data, offsets), times

    def finish(self) -> FittedVocabulary:
        """Ids 1.. by descending count, ties by token bytes."""
        v = self.vocabulary
        if not v.is_fitted:
            return FittedVocabulary(v, NO_TOKENS, self._num_columns)
        data, offsets, counts = self._table.ranked(v.min_count, v.max_size or _NO_LIMIT)
        fitted = FittedVocabulary.from_arrays(v, data, offsets, self._num_columns)
        fitted.counted = Counted(len(self._table), self._occurrences, len(counts), int(counts.sum()))
        return fitted


class FittedVocabulary:
    """tokens: in the order of their ids, from id 1; empty where ids are hashed or given. num_columns: that give them.

    counted: what they were chosen from; None where nothing was counted, or where it is no longer known (model files).
    """

    counted: Counted | None = None

    def __init__(self, vocabulary: Vocabulary, tokens: Tokens, num_columns: int) -> None:
        self.vocabulary, self.tokens = vocabulary, tokens
        self._num_unknown = num_columns if vocabulary.oov == "column" else vocabulary.oov_buckets or 0
        self._table = TokenTable()
        self._table.count(tokens.data, tokens.starts, tokens.lengths, None)

    @classmethod
    def from_arrays(
        cls, vocabulary: Vocabulary, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], num_columns: int
    ) -> FittedVocabulary:
        """From all tokens in one buffer and offsets [tokens+1]. Raises ValueError where they are none: what native code
        is to follow is checked here."""
        where = f'the tokens of vocabulary "{vocabulary.name}"'
        if data.dtype != np.uint8 or data.ndim != 1 or offsets.dtype != np.int64 or offsets.ndim != 1:
            raise ValueError(f"{where} are not bytes and offsets")
        # the differences of rising numbers from 0 to the length cannot overflow
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data) or (offsets[1:] <= offsets[:-1]).any():
            raise ValueError(f"{where} are not cut from their bytes by rising offsets")
        if len(offsets) > _NO_LIMIT or (len(offsets) > 1 and np.diff(offsets).max() > _NO_LIMIT):
            raise ValueError(f"{where} are too many or too long")
        if len(offsets) > 1 and not vocabulary.is_fitted:
            raise ValueError(f"{where} are there, though none are counted")
        fitted = cls(vocabulary, _tokens(data, offsets), num_columns)
        if len(fitted._table) != len(fitted.tokens):
            raise ValueError(f"{where} are not all different")
        return fitted

    def to_arrays(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """The reverse of from_arrays."""
        return self.tokens.data, np.concatenate([[0], np.cumsum(self.tokens.lengths)]).astype(np.int64)

    @property
    def size(self) -> int:
        """V: rows of its tables, OOV included."""
        return 1 + self._num_known + self._num_unknown

    @property
    def _num_known(self) -> int:
        return self.vocabulary.hash_buckets or self.vocabulary.identity or len(self.tokens)

    @property
    def unknown(self) -> npt.NDArray[np.bool_]:
        """Which ids stand for unknown tokens, bool [V]."""
        ids = np.arange(self.size)
        found: npt.NDArray[np.bool_] = (ids == 0) | (ids > self._num_known)
        return found

    def encode(self, pieces: Iterable[Bags], columns: Int32s) -> tuple[Pairs, Cut]:
        """The pairs of bags that come in pieces of some rows each, and what max_pairs cut from all of them.

        columns: int32, the place of each column of their field among the vocabulary's (`Schema.columns_of`).
        """
        encoded, cuts = [], [(0, 0)]
        for bags in pieces:
            of = columns[0] if bags.columns is None else columns[bags.columns]
            ids = self.lookup(bags.tokens, bags.positions, of)
            if self.vocabulary.oov == "drop" and not ids.all():
                kept = ids != 0
                bags, ids = bags.only(kept), ids[kept]
            encoded.append((ids, bags.weights, bags.offsets))
            cuts.append(bags.cut)
        pairs, bags_cut = map(sum, zip(*cuts, strict=True))
        return _one_after_another(encoded), (pairs, bags_cut)

    def lookup(self, tokens: Tokens, positions: Int32s | None = None, columns: Int32s | np.int32 = _FIRST) -> Int32s:
        """Ids int32 [T] of the tokens, 0 for empty and (unless the vocabulary says otherwise) for unknown ones; with
        positions int32 [N] those at them [N].

        columns: int32 [T] or one for all, the place among the vocabulary's columns of that which a token comes from.
        """
        ids = self.known_ids(tokens)
        if self._num_unknown:
            unknown = (ids == 0) & (tokens.lengths > 0)
            if self.vocabulary.oov == "column":
                which = np.broadcast_to(columns, len(ids))[unknown]
            else:
                which = (hash_tokens(tokens.take(unknown)) % np.uint64(self._num_unknown)).astype(np.int32)
            ids[unknown] = 1 + self._num_known + which
        return ids if positions is None else ids[positions]

    def known_ids(self, tokens: Tokens) -> Int32s:
        """Ids int32 [T] of the known tokens, 0 for all others."""
        if self.vocabulary.hash_buckets is not None:
            ids = (hash_tokens(tokens) % np.uint64(self.vocabulary.hash_buckets)).astype(np.int32) + np.int32(1)
            return np.where(tokens.lengths > 0, ids, np.int32(0))
        if self.vocabulary.identity is not None:
            return identity_ids(tokens, self.vocabulary.identity)
        return self._table.lookup(tokens.data, tokens.starts, tokens.lengths)


def _tokens(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Tokens:
    return Tokens(data, np.ascontiguousarray(offsets[:-1]), np.diff(offsets).astype(np.int32))


def _one_after_another(parts: list[Pairs]) -> Pairs:
    if len(parts) == 1:
        return parts[0]
    ids = np.concatenate([ids for ids, _, _ in parts])
    weights = [weights for _, weights, _ in parts if weights is not None]  # all parts have them, or none
    offsets = offsets_of(np.concatenate([np.diff(offsets) for _, _, offsets in parts]))
    return ids, np.concatenate(weights) if weights else None, offsets
