"""The label: the column of 0/1 that is to be predicted, what tells it, and how to make one where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.errors import DataError, nearest_name, on_one_line

from ._columns import Column
from ._names import label_score, names_a_rating
from ._values import plain, to_texts
from ._words import percent

__all__ = ["Derivation", "Label", "choose_label", "derive_label", "tells_label"]

_ENOUGH = 10  # examples of each class before a column may be said to tell the label
_YES = frozenset(("1", "yes", "y", "true", "t", "click", "clicked", "positive", "pos", "good"))


@dataclass(frozen=True)
class Label:
    """column: its name. values: bool [rows]. why: in words."""

    column: str
    values: npt.NDArray[np.bool_]
    why: str

    @property
    def share(self) -> float:
        """Of the rows, those with label 1."""
        return float(self.values.mean())


@dataclass(frozen=True)
class Derivation:
    """A label that SQL makes of a column. select: what stands between SELECT and FROM. why: in words."""

    name: str
    column: str
    select: str
    why: str


def choose_label(columns: Sequence[Column], wanted: str | None) -> Label | None:
    """The likely label among the columns of 0/1 without gaps; None where there is none.

    Raises DataError where several are as likely, or where the wanted one is not of 0/1.
    """
    names = [column.name for column in columns]
    if wanted is not None and wanted not in names:
        raise DataError(f'--label: there is no column "{wanted}"{nearest_name(wanted, names)}')
    fitting = {column.name: values for column in columns if (values := _zeros_and_ones(column)) is not None}
    if wanted is not None:
        return Label(wanted, fitting[wanted], "as you say") if wanted in fitting else None
    scores = {name: label_score(name) for name in fitting}
    best = max(scores.values(), default=0)
    likely = [name for name, score in scores.items() if score == best]
    if best > 0 and len(likely) == 1:
        return Label(likely[0], fitting[likely[0]], "0/1, and the name says so")
    both = [name for name in fitting if scores[name] >= 0 and 0 < fitting[name].mean() < 1]
    if len(both) == 1:
        return Label(both[0], fitting[both[0]], "the only column of 0/1")
    if names and names[0] in both:
        return Label(names[0], fitting[names[0]], "the first column, and of 0/1")
    if both or (best > 0 and likely):
        listed = ", ".join(f'"{name}"' for name in (likely if best > 0 else both))
        raise DataError(f"several columns could be the label: {listed}; say which, as --label {(likely or both)[0]}")
    return None


def derive_label(columns: Sequence[Column], wanted: str | None) -> Derivation | None:
    """How to make a label of a column of two words, of -1/1, or of a rating; None where nothing offers itself."""
    for column in columns:
        if column.name == wanted or (wanted is None and label_score(column.name) > 0):
            words = column.values.top(3)
            yes = [word for word in words if word.lower() in _YES]
            if len(words) == 2 and len(yes) == 1:
                value = yes[0] if column.numbers is not None else f"'{yes[0]}'"
                name = _quoted(column.name)
                select = f"* REPLACE ({name} = {value} AS {name})"
                return Derivation(column.name, column.name, select, f'1 where {on_one_line(column.name)} is "{yes[0]}"')
    for column in columns:
        if column.numbers is None or len(column.values) < 3:
            continue
        if column.name == wanted or (wanted is None and names_a_rating(column.name) and len(column.values) <= 101):
            return _from_rating(column, {c.name for c in columns})
    return None


def _from_rating(column: Column, taken: set[str]) -> Derivation:
    """Liked is what stands at or above the value that parts the rows most evenly."""
    assert column.numbers is not None
    levels = np.unique(column.numbers)[1:]
    if len(whole := levels[levels == np.floor(levels)]):
        levels = whole
    shares = np.array([(column.numbers >= level).mean() for level in levels])
    level = float(levels[np.argmin(np.abs(shares - 0.5))])
    name = next(n for n in ("liked", "label", "is_liked", "liked_or_not") if n not in taken)
    text = str(int(level)) if level == int(level) else repr(level)
    share = float((column.numbers >= level).mean())
    words = f"from {text} up, {percent(share)} of the rows; another threshold is another question"
    why = f"{on_one_line(column.name)} {words}"
    return Derivation(name, column.name, f"*, {_quoted(column.name)} >= {text} AS {name}", why)


def tells_label(column: Column, array: pa.Array, label: Label) -> str:
    """Why a column would tell the model the label: it is known only with it, or after it; else ""."""
    positives = int(label.values.sum())
    if min(positives, len(label.values) - positives) < _ENOUGH:
        return ""
    for present, words in ((label.values, "is there only where"), (~label.values, "is missing only where")):
        if (column.present == present).all():
            return f"{words} {label.column} is 1, so it tells the label"
    values = _zeros_and_ones(column)
    if values is not None and (values == label.values).all():
        return f"is {label.column}, the label, once more"
    if values is not None and (values != label.values).all():
        return f"is 1 - {label.column}, so it tells the label"
    if values is not None and (label_score(column.name) < 0 or label_score(column.name) > 4):
        return "sounds like another label, which is known too late"
    if column.numbers is not None and column.lengths is None and column.present.all():
        ones, zeros = column.numbers[label.values], column.numbers[~label.values]
        if ones.min() > zeros.max() or ones.max() < zeros.min():
            which = "high" if ones.min() > zeros.max() else "low"
            return f"is {which} just where {label.column} is 1, so it tells the label"
    if column.kind == "bag" or not 2 <= len(column.values) <= 100:
        return ""
    return (
        f"has values that each go with one {label.column} only, so it tells the label"
        if _one_each(array, label)
        else ""
    )


def _one_each(array: pa.Array, label: Label) -> bool:
    texts = to_texts(plain(array))
    if texts is None:
        return False
    table = pa.table({"value": texts, "label": label.values})
    each = table.group_by("value").aggregate([("label", "min"), ("label", "max")])
    return bool(pc.all(pc.equal(each["label_min"], each["label_max"])).as_py())


def _zeros_and_ones(column: Column) -> npt.NDArray[np.bool_] | None:
    """bool [rows] of a column that holds nothing but 0 and 1 in every row."""
    if not column.present.all() or column.kind == "bag" or not 1 <= len(column.values) <= 4:
        return None
    if column.numbers is None or not np.isin(column.numbers, (0.0, 1.0)).all():
        return None
    values: npt.NDArray[np.bool_] = column.numbers == 1.0
    return values


def _quoted(name: str) -> str:
    """An SQL identifier."""
    return name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
