"""Bags: the pairs of one column, and how they come out of every kind of Arrow column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.errors import DataError
from manyhot.kernels import Float32s, Int32s, TextFault, Tokens, parse_bags
from manyhot.schema import Separators

__all__ = ["MISSING", "NO_TOKENS", "Bags", "ColumnReader", "Cut", "decoded", "from_text", "offsets_of", "to_strings"]

MISSING = "<missing>"  # the token of missing values, where a field gives them one
Cut = tuple[int, int]  # how many pairs max_pairs cut, and from how many bags
NO_TOKENS = Tokens(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int32))

_MOST_DECODED, _DECODED_PER_BYTE = 256 << 20, 256
_ZONE = r"(Z|[+-]\d\d:?\d\d)?"
_FAULTS = {
    TextFault.EMPTY_TOKEN: "holds an empty token",
    TextFault.NO_WEIGHT: "holds a pair without a weight",
    TextFault.BAD_WEIGHT: "holds a weight that is no number",
    TextFault.NOT_FINITE: "holds a weight that is not finite",
}


@dataclass(frozen=True)
class Bags:
    """tokens [T], weights float32 [N] or None (all 1), offsets int32 [rows+1], positions int32 [N] or None.

    The token of pair i is tokens[positions[i]]; without positions T = N and it is tokens[i]. The empty token stands for
    a missing value: it is never known, so its id is OOV, and never counted. cut: what max_pairs took from them.
    columns: int32 [T], which of the field's columns each token comes from; None: the first, or nobody asks.
    """

    tokens: Tokens
    weights: Float32s | None
    offsets: Int32s
    positions: Int32s | None = None
    cut: Cut = (0, 0)
    columns: Int32s | None = None

    def tokens_of(self, pairs: npt.NDArray[np.integer]) -> Tokens:
        """The tokens of chosen pairs."""
        return self.tokens.take(pairs if self.positions is None else self.positions[pairs])

    def of_column(self, column: int) -> Bags:
        """The same, all tokens being of that column of their field."""
        return replace(self, columns=np.full(len(self.tokens), column, np.int32))

    @property
    def times(self) -> npt.NDArray[np.int64] | None:
        """How often each token occurs, int64 [T]; None: once each."""
        return None if self.positions is None else np.bincount(self.positions, minlength=len(self.tokens))

    @property
    def num_missing(self) -> int:
        """Pairs of the empty token."""
        missing = self.tokens.lengths == 0
        return int(np.count_nonzero(missing if self.positions is None else missing[self.positions]))

    def prefixed(self, prefix: str) -> Bags:
        """Each token with `prefix` before it."""
        return replace(self, tokens=self.tokens.prefixed(prefix))

    def with_oov_for_empty(self) -> Bags:
        """The pair ("", 1) in every empty bag."""
        lengths = np.diff(self.offsets)
        if self.positions is not None or lengths.all():
            return self  # with positions a row has one pair, if only a missing one
        gaps = self.offsets[:-1][lengths == 0]
        starts = np.insert(self.tokens.starts, gaps, 0)
        tokens = Tokens(self.tokens.data, starts, np.insert(self.tokens.lengths, gaps, 0))
        weights = None if self.weights is None else np.insert(self.weights, gaps, np.float32(1))
        return Bags(tokens, weights, offsets_of(np.maximum(lengths, 1)))

    def with_token_for_empty(self) -> Bags:
        """The pair (MISSING, 1) in every empty bag."""
        bags = self.with_oov_for_empty()
        return replace(bags, tokens=bags.tokens.with_empty_as(MISSING))

    def without_missing(self) -> Bags:
        """Without the pairs of the empty token."""
        present = self.tokens.lengths > 0
        return self if present.all() else self.only(present if self.positions is None else present[self.positions])

    def without_zero_weights(self) -> Bags:
        """Pairs of weight 0 contribute nothing anywhere: they are dropped."""
        return self if self.weights is None or self.weights.all() else self.only(self.weights != 0)

    def only(self, kept: npt.NDArray[np.bool_]) -> Bags:
        """The pairs of a mask [N]."""
        at = np.flatnonzero(kept)  # several times quicker than several selections by the mask
        weights = None if self.weights is None else self.weights[at]
        offsets = offsets_of(kept)[self.offsets]
        if self.positions is None:
            columns = None if self.columns is None else self.columns[at]
            return Bags(self.tokens.take(at), weights, offsets, cut=self.cut, columns=columns)
        return replace(self, weights=weights, offsets=offsets, positions=self.positions[at])


@dataclass
class ColumnReader:
    """Reads one column of a batch as bags; collects the reasons of bad rows."""

    origin: str
    column: str
    weights_column: str = ""
    rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    reasons: dict[int, str] = field(default_factory=dict)

    def fail_values(self, bad: npt.NDArray[np.bool_], why: str) -> None:
        """Marks as bad the rows of those values; `rows` tells which rows the values come from."""
        self.fail(self.rows[bad], why)

    def fail(self, rows: npt.NDArray[np.int64] | list[int], why: str) -> None:
        """Marks rows as bad; the first reason of a row stays."""
        for row in rows:
            self.reasons.setdefault(int(row), f'column "{self.column}" {why}')

    def wrong_type(self, array: pa.Array, what: str, column: str = "") -> DataError:
        """The error for a column that can never be read as `what`."""
        kind = str(array.type)
        kind = kind if len(kind) <= 200 else kind[:197] + "..."
        return DataError(f'{self.origin}: column "{column or self.column}" is {kind}, {what}')

    @contextmanager
    def reading(self, array: pa.Array, column: str = "") -> Iterator[None]:
        """What Arrow itself cannot read is of a wrong type: a time zone that is nowhere, runs of equal values."""
        try:
            yield
        except pa.ArrowMemoryError:
            raise
        except pa.ArrowException as error:
            why = " ".join(str(error).split())[:200]
            raise self.wrong_type(array, f"which cannot be read ({why}); cast it to text or numbers", column) from None

    def read(self, array: pa.Array, weights: pa.Array | None, separators: Separators | None) -> Bags:
        """Dispatches on the Arrow type."""
        with self.reading(array):
            return self._read(array, weights, separators)

    def _read(self, array: pa.Array, weights: pa.Array | None, separators: Separators | None) -> Bags:
        kind = array.type
        if pa.types.is_dictionary(kind):
            bags = self.dictionary(array) if separators is None and weights is None else None
            if bags is not None:
                return bags
            array = decoded(array)
        if pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type):
            array = array.cast(pa.large_binary())  # Arrow cannot filter views
        kind = array.type
        if pa.types.is_null(kind):
            return Bags(NO_TOKENS, None, np.zeros(len(array) + 1, np.int32))
        if separators is not None:
            if not _is_text(kind):
                raise self.wrong_type(array, "which needs no separators; remove them")
            return self.text_bags(array, separators)
        if pa.types.is_map(kind):
            offsets, entries = self.flat_list(
                array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
            )
            return self.pairs(entries.field(0), entries.field(1), offsets, weights)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            offsets, values = self.flat_list(array)
            if pa.types.is_struct(values.type):
                return self.pairs(*self.token_and_weight(values), offsets, weights)
            return self.pairs(values, self.parallel(weights, offsets), offsets, None)
        return self.scalars(array, weights)

    def text_bags(self, array: pa.Array, separators: Separators) -> Bags:
        """Text like "wechat:0.9,weibo:0.5"."""
        texts = from_text(self.strings(array))
        tokens, weights, offsets, bad_rows, faults = parse_bags(texts, separators.pair, separators.weight)
        for row, fault in zip(bad_rows.tolist(), faults.tolist(), strict=True):
            self.fail([row], f"{_FAULTS[TextFault(fault)]}: {_shown(texts[row])}")
        return Bags(tokens, weights, offsets)

    def flat_list(self, array: pa.Array) -> tuple[Int32s, pa.Array]:
        """offsets [rows+1] and the values of a list column, nulls being empty."""
        lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
        return offsets_of(lengths), array.flatten()

    def token_and_weight(self, values: pa.StructArray) -> tuple[pa.Array, pa.Array]:
        """The two members of list<struct>: named token and weight, or in that order."""
        names = [f.name for f in values.type]
        if len(names) != 2:
            raise self.wrong_type(values, "but a struct must have two members, token and weight")
        token = names.index("token") if "token" in names else 1 - names.index("weight") if "weight" in names else 0
        fields = values.flatten()
        return fields[token], fields[1 - token]

    def parallel(self, weights: pa.Array | None, offsets: Int32s) -> pa.Array | None:
        """The values of a parallel list of weights, where its lengths fit; else the rows are bad."""
        if weights is None:
            return None
        if pa.types.is_null(weights.type):
            weights = weights.cast(pa.list_(pa.float32()))
        if not hasattr(weights.type, "value_type") or pa.types.is_dictionary(weights.type):
            raise self.wrong_type(weights, "but the weights of a list must be a list", self.weights_column)
        lengths = np.diff(offsets)
        with self.reading(weights, self.weights_column):
            own, values = self.flat_list(weights)
        bad = np.flatnonzero(np.diff(own) != lengths)
        if len(bad):
            self.fail(bad, "has another length than its weights")
            return pa.array(np.ones(offsets[-1], np.float32))  # the rows are rejected; only the shape matters now
        return values

    def scalars(self, values: pa.Array, weights: pa.Array | None) -> Bags:
        """One token a row; an empty text is missing, as null is."""
        tokens, offsets = from_text(self.strings(values)), np.arange(len(values) + 1, dtype=np.int32)
        return Bags(tokens, self.floats(weights, offsets, tokens.lengths == 0), offsets)

    def dictionary(self, array: pa.DictionaryArray) -> Bags | None:
        """One token a row, each distinct one once; None where decoding the column is better, or tells bad rows."""
        if len(array.dictionary) > len(array):
            return None
        strings, bad = to_strings(array.dictionary)
        if strings is None or len(bad):
            return None
        tokens = from_text(strings).and_missing()
        positions = np.asarray(array.indices.cast(pa.int32()).fill_null(len(strings)))
        return Bags(tokens, None, np.arange(len(array) + 1, dtype=np.int32), positions)

    def pairs(self, values: pa.Array, weights: pa.Array | None, offsets: Int32s, extra: pa.Array | None) -> Bags:
        """Tokens and weights of lists; null or empty tokens in a list are bad."""
        if extra is not None:
            raise self.wrong_type(values, "which holds its own weights; remove weights from the field")
        strings = self.strings(values, offsets)
        bad = np.flatnonzero(np.asarray(pc.equal(pc.fill_null(pc.binary_length(strings), 0), 0)).astype(bool))
        self.fail(_rows_of(bad, offsets), "holds an empty token")
        return Bags(from_text(strings), self.floats(weights, offsets), offsets)

    def floats(
        self, weights: pa.Array | None, offsets: Int32s, unused: npt.NDArray[np.bool_] | None = None
    ) -> Float32s | None:
        """Weights as float32; null, NaN and infinite ones make the row bad. The unused ones become 1 unread."""
        if weights is None:
            return None
        kind = weights.type
        if not (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_decimal(kind)
            or pa.types.is_null(kind)
        ):
            raise self.wrong_type(weights, "but weights must be numbers", self.weights_column)
        with np.errstate(over="ignore"), self.reading(weights, self.weights_column):
            numbers = np.asarray(weights.cast(pa.float64(), safe=False).fill_null(np.nan)).astype(np.float32)
        if unused is not None:
            numbers = np.where(unused, np.float32(1), numbers)
        bad = np.flatnonzero(~np.isfinite(numbers))
        self.fail(_rows_of(bad, offsets), "has a weight that is null, NaN or infinite")
        return np.where(np.isfinite(numbers), numbers, np.float32(1)) if len(bad) else numbers

    def strings(self, values: pa.Array, offsets: Int32s | None = None) -> pa.Array:
        """Values as large strings; raises where the type has no sensible text, marks rows of bad UTF-8."""
        strings, bad = to_strings(values)
        if strings is None:
            raise self.wrong_type(values, "which gives no tokens; use numeric = [...] for numbers")
        if len(bad):
            self.fail(bad if offsets is None else _rows_of(bad, offsets), "is not UTF-8 text")
        return strings


def to_strings(values: pa.Array) -> tuple[pa.Array | None, npt.NDArray[np.int64]]:
    """Large strings and the positions of bad UTF-8; None for types without a text form."""
    kind = values.type
    none = np.zeros(0, np.int64)
    if pa.types.is_dictionary(kind):
        values = decoded(values)
        kind = values.type
    if _is_text(kind):
        try:
            return values.cast(pa.large_string()), none
        except pa.ArrowInvalid:
            texts, bad = [], []
            for i, value in enumerate(values.to_pylist()):
                try:
                    texts.append(None if value is None else value.decode())
                except UnicodeDecodeError:
                    texts.append("?")
                    bad.append(i)
            return pa.array(texts, pa.large_string()), np.array(bad, np.int64)
    if pa.types.is_floating(kind):
        # Whole numbers that became floats because some were missing (pandas) are the same tokens as integers.
        try:
            values = values.cast(pa.int64())
        except pa.ArrowInvalid:
            return None, none
        kind = values.type
    if pa.types.is_timestamp(kind):
        # One moment is one token, whatever the column's resolution, and midnight is the day.
        text = pc.replace_substring_regex(values.cast(pa.large_string()), rf"(\.\d*?)0+{_ZONE}$", r"\1\2")
        text = pc.replace_substring_regex(text, rf"\.{_ZONE}$", r"\1")
        return pc.replace_substring_regex(text, " 00:00:00$", ""), none
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    if plain or pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.large_string()), none
    return None, none


def decoded(array: pa.DictionaryArray) -> pa.Array:
    """The values of a dictionary column, one a row. Raises ArrowCapacityError where few bytes would become very many:
    a long text costs one byte each time it occurs."""
    values = array.dictionary
    if _is_text(values.type) and len(array) * values.nbytes > _MOST_DECODED:
        lengths = pc.binary_length(values.cast(pa.large_binary())).take(array.indices)
        size = pc.sum(lengths).as_py() or 0
        if size > max(_MOST_DECODED, _DECODED_PER_BYTE * array.nbytes):
            raise pa.ArrowCapacityError(f"{array.nbytes:,} bytes of it would become {size:,} bytes of text")
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        # Arrow cannot take views either; polars makes such columns of its categories.
        array = pa.DictionaryArray.from_arrays(array.indices, values.cast(pa.large_binary()))
    return array.dictionary_decode()


def from_text(strings: pa.Array) -> Tokens:
    """Tokens over an Arrow large string array, without a copy; null is the empty token."""
    _, offset_buffer, data_buffer = strings.buffers()
    count = len(strings)
    if count == 0:
        return NO_TOKENS
    ends = np.frombuffer(offset_buffer, np.int64)[strings.offset : strings.offset + count + 1]
    data = (
        np.frombuffer(data_buffer, np.uint8) if data_buffer is not None and data_buffer.size else np.zeros(0, np.uint8)
    )
    lengths = np.diff(ends).astype(np.int32)
    if strings.null_count:
        lengths = np.where(np.asarray(pc.is_valid(strings)), lengths, 0).astype(np.int32)
    return Tokens(data, np.ascontiguousarray(ends[:-1]), lengths)


def _is_text(kind: pa.DataType) -> bool:
    known = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_kind(kind) for is_kind in (*known, pa.types.is_string_view, pa.types.is_binary_view))


def offsets_of(lengths: npt.NDArray[np.int64] | Int32s | npt.NDArray[np.bool_]) -> Int32s:
    """int32 [bags+1] for bags of these lengths."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _rows_of(pairs: npt.NDArray[np.int64], offsets: Int32s) -> npt.NDArray[np.int64]:
    return np.searchsorted(offsets, pairs, side="right") - 1


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
