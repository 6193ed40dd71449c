"""Column: what a column of the sample is, from its name, its type and its values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.errors import on_one_line
from manyhot.schema import Separators

from ._counts import Counts, count
from ._moments import moment
from ._names import names_a_quantity, names_an_id
from ._text_bags import TextBag, find_text_bag
from ._values import Float64s, is_text, plain, to_numbers, to_texts

__all__ = ["Column", "Kind", "describe"]

Kind = Literal["token", "number", "bag", "constant", "row id", "time", "text", "unreadable"]

_LARGEST_WEIGHT = 1e8
_FEW = 20  # numbers with so few distinct values are tokens
_NO_TOKENS = Counts(pa.array([], pa.large_string()), np.zeros(0, np.int64))
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})*(\.\d+)?")
_NULLS = frozenset(("NULL", "null", "Null", "\\N", "NaN", "nan", "None", "none", "N/A", "NA", "n/a", "-", "?", "nil"))


@dataclass(frozen=True)
class Column:
    """A column of the sample.

    type: of Arrow. present: bool [rows]. values: the distinct values, counted; tokens: the members of a bag, else the
    same. numbers: float64 [present] in the order of the rows where every present value is a finite number.
    separators: of a bag written as text. num_pairs: of all rows. is_weighted: whether pairs carry weights. lengths:
    int64 [rows] of a list.
    why: the evidence for the kind, in words. null_word: a text like "NULL" among the values, and the share of rows.
    """

    name: str
    type: pa.DataType
    kind: Kind
    present: npt.NDArray[np.bool_]
    values: Counts
    tokens: Counts
    numbers: Float64s | None = None
    separators: Separators | None = None
    num_pairs: int = 0
    is_weighted: bool = False
    lengths: npt.NDArray[np.int64] | None = None
    why: str = ""
    null_word: tuple[str, float] | None = None

    @property
    def num_rows(self) -> int:
        """Of the sample."""
        return len(self.present)

    @property
    def share_missing(self) -> float:
        """Of the rows."""
        return 1 - float(self.present.mean())

    @property
    def is_whole_numbers(self) -> bool:
        """Whether every value is a whole number."""
        return self.numbers is not None and bool((self.numbers == np.floor(self.numbers)).all())

    @property
    def is_in_order_of_time(self) -> bool:
        """Whether a column of moments is there in every row, in a form that `[data] split` can put in order."""
        readable = self.numbers is not None or pa.types.is_temporal(self.type)
        return bool(self.present.all()) and (readable or self.values.top(1)[0][4:5] == "-")


def describe(name: str, array: pa.Array) -> Column:
    """A column and its kind."""
    try:
        column = _described(name, array)
    except pa.ArrowCapacityError as error:
        present = np.asarray(pc.is_valid(array)).astype(bool)
        column = Column(name, array.type, "unreadable", present, _NO_TOKENS, _NO_TOKENS, why=f"is too long: {error}")
    return replace(column, why=on_one_line(column.why))  # it quotes values


def _described(name: str, array: pa.Array) -> Column:
    array = plain(array)
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _list(name, array)
    if pa.types.is_map(kind):
        entries = pa.list_(pa.struct([("token", kind.key_type), ("weight", kind.item_type)]))
        return replace(_list(name, array.cast(entries)), type=kind)
    texts = to_texts(array)
    present = np.asarray(pc.is_valid(array if texts is None else texts)).astype(bool)
    if texts is None:
        why = "is always missing" if pa.types.is_null(kind) else f"is {kind}, which gives no tokens"
        return Column(
            name, kind, "constant" if pa.types.is_null(kind) else "unreadable", present, _NO_TOKENS, _NO_TOKENS, why=why
        )
    values = count(texts)
    numbers = to_numbers(array, texts)
    column = Column(name, kind, "token", present, values, values, numbers, null_word=_null_word(values, len(texts)))
    return _with_kind(column, texts)


def _with_kind(column: Column, texts: pa.Array) -> Column:
    """The kinds are tried from the most certain to the least."""
    values, rows = column.values, column.num_rows
    if not len(values):
        return replace(column, kind="constant", why="is always missing")
    if len(values) == 1 and column.present.all():
        return replace(column, kind="constant", why=f'is always "{_short(values.top(1)[0])}"')
    if why := moment(column.name, column.type, values.tokens, column.numbers):
        return replace(column, kind="time", why=why)
    if is_text(column.type) and column.numbers is None and (bag := find_text_bag(texts)) is not None:
        return _text_bag(column, bag)
    identifies = rows >= 100 and column.present.all() and len(values) >= 0.98 * rows
    if column.numbers is not None:
        if identifies and (np.diff(column.numbers) == 1).all():
            return replace(column, kind="row id", why="numbers the rows")
        if (amount := _quantity(column)) is not None:
            return replace(column, kind="number", why=amount)
    elif is_text(column.type) and (why := _unreadable(values)):
        return replace(column, kind="unreadable", why=why)
    elif _is_prose(values, rows):
        return replace(column, kind="text", why=f"free text: {len(values):,} texts in {rows:,} rows")
    if identifies:
        return replace(column, kind="row id", why=f"identifies the row: {len(values):,} values in {rows:,} rows")
    return column


def _text_bag(column: Column, bag: TextBag) -> Column:
    separators = bag.separators
    if bag.num_bad:
        how = f'"{separators.pair}"' + (f' and "{separators.weight}"' if separators.weight else "")
        why = f'is a bag with {how}, but {bag.num_bad:,} values cannot be read, such as "{_short(bag.bad)}"; mend them'
        return replace(column, kind="unreadable", why=why)
    if bag.largest_weight is not None and bag.largest_weight > _LARGEST_WEIGHT:
        why = f"is a bag whose weights reach {bag.largest_weight:.3g}: are they times?"
        return replace(column, kind="unreadable", why=why)
    is_weighted = separators.weight is not None
    return replace(
        column, kind="bag", tokens=bag.tokens, separators=separators, num_pairs=bag.num_pairs, is_weighted=is_weighted
    )


def _quantity(column: Column) -> str | None:
    """Why the numbers are amounts, where nearness means something, and not names; None where they are names."""
    numbers, whole = column.numbers, column.is_whole_numbers
    assert numbers is not None
    if not whole:
        return "real numbers"
    if len(column.values) <= _FEW or names_an_id(column.name) or _leading_zero(column.values):
        return None
    if names_a_quantity(column.name):
        return "the name says so"
    return "small ones are frequent, large ones rare" if _is_count(numbers) else None


def _is_count(numbers: Float64s) -> bool:
    """Whether the values start at about 0, reach far, and are the rarer the larger they are: counts do, ids seldom."""
    values, times = np.unique(numbers, return_counts=True)
    if not -10 <= values[0] <= 2 or values[-1] < 4 * max(np.median(numbers), 1):
        return False
    # Spearman's correlation of value and frequency. -0.9 is usual for counts, -0.6 where most values are unique; the
    # films of MovieLens, old ones first and seen more often, reach -0.4.
    ranks = np.searchsorted(np.sort(times), times, "left") + np.searchsorted(np.sort(times), times, "right")
    return bool(len(set(ranks.tolist())) > 1 and np.corrcoef(np.arange(len(values)), ranks)[0, 1] <= -0.5)


def _leading_zero(values: Counts) -> bool:
    return bool(pc.mean(pc.match_substring_regex(values.tokens, r"^0\d")).as_py() > 0)


def _is_prose(values: Counts, rows: int) -> bool:
    words = pc.mean(pc.count_substring(values.tokens, " ")).as_py()
    return words >= 1 and len(values) > 0.5 * rows >= 50


def _unreadable(values: Counts) -> str:
    texts = values.top(100)
    if all(text.strip()[:1] in "[{(" and text.strip()[-1:] in "])}" for text in texts):
        return f"is a list in brackets, {_short(texts[0])}; write a,b,c, or a list column of Parquet"
    if all(_GROUPED.fullmatch(text) for text in texts):
        return f"is numbers in groups of three, {_short(max(texts, key=len))}; write them without commas"
    return ""


def _list(name: str, array: pa.Array) -> Column:
    lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
    members, is_weighted = plain(array.flatten()), False
    if pa.types.is_struct(members.type) and members.type.num_fields == 2:
        names = [f.name for f in members.type]
        first = names.index("token") if "token" in names else 1 - names.index("weight") if "weight" in names else 0
        members, is_weighted = plain(members.flatten()[first]), True
    texts = to_texts(members)
    blank = Column(name, array.type, "unreadable", lengths > 0, _NO_TOKENS, _NO_TOKENS, lengths=lengths)
    if texts is None:
        return replace(blank, why=f"is {array.type}, which gives no tokens")
    numbers = to_numbers(members, texts)
    tokens = count(texts)
    if not len(tokens):
        return replace(blank, kind="constant", why="is always empty")
    if pa.types.is_floating(members.type) and numbers is not None and (numbers != np.floor(numbers)).any():
        return replace(blank, numbers=numbers, why="is a list of real numbers, which are no tokens")
    return replace(
        blank, kind="bag", tokens=tokens, num_pairs=int(lengths.sum()), is_weighted=is_weighted, numbers=numbers
    )


def _null_word(values: Counts, rows: int) -> tuple[str, float] | None:
    for token, times in zip(values.top(50), values.times[:50].tolist(), strict=True):
        if token in _NULLS:
            return token, times / rows
    return None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
