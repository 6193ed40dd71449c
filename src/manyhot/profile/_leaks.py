"""How well each column alone tells the label. One that tells nearly all of it was most likely written after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from manyhot.data import Encoder, Examples, FittedVocabulary
from manyhot.kernels import Float32s
from manyhot.metrics import auc
from manyhot.schema import Field

from ._blocks import FieldBags, blocks, by_field, join
from ._tally import WEIGHTS
from ._tokens import columns_by_id

__all__ = ["ColumnAuc", "column_aucs"]

# What the sample holds at most: by then an AUC is known to a thousandth, and a field takes a fraction of a second.
_ROWS, _PAIRS = 400_000, 20_000_000
_LEAST_OF_EACH = 10  # labels of each class in each half; with fewer, an AUC says nothing
_BINS = 100
_SEED = 20_240_607

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnAuc:
    """auc: of the column alone, on rows it was not learned from; None where there are too few labels of a class.
    column: "weights" stands for the weights of the field's tokens."""

    field: str
    column: str
    auc: float | None


@dataclass(frozen=True)
class _Codes:
    """A column as codes below num_codes: any number of them in a row."""

    rows: Ints
    codes: npt.NDArray[Any]
    num_codes: int


def column_aucs(encoder: Encoder, examples: Examples) -> tuple[ColumnAuc, ...]:
    """Of every column of every field, on a sample of the rows.

    The sample is cut in two at random. From the first half each token's log-odds of the label are learned (naive Bayes;
    one example's worth of the mean rate is added, so that rare tokens say little); an empty bag counts as a token, a
    number as one of 100 bins of equal share. Rows of the second half score with the sum over their tokens. A token that
    occurs in no more than one row, as ids of rows do, is never met again and tells nothing.
    """
    fields = encoder.schema.fields
    num_rows, pairs = examples.num_rows, examples.num_pairs
    most = min(_ROWS, max(1, _PAIRS * num_rows // max(pairs, 1)))
    parts: list[list[FieldBags]] = []
    labels_of: list[Float32s] = []
    for block in blocks(examples, most):
        assert block.labels is not None
        parts.append(by_field(block, len(fields)))
        labels_of.append(block.labels)
    labels = np.concatenate(labels_of)
    learning = np.random.default_rng(_SEED).random(len(labels)) < 0.5
    found = []
    for index, field in enumerate(fields):
        bags = join([part[index] for part in parts])
        for column, codes in _columns(field, encoder.vocabularies[field.vocabulary_name], bags, learning):
            found.append(ColumnAuc(field.name, column, _held_out_auc(codes, labels, learning)))
    return tuple(found)


def _columns(
    field: Field, vocabulary: FittedVocabulary, bags: FieldBags, learning: Bools
) -> Iterator[tuple[str, _Codes]]:
    rows, columns = bags.rows, field.input_columns
    column_of = columns_by_id(field, vocabulary)
    for number, column in enumerate(columns if column_of is not None else columns[:1]):
        own = slice(None) if column_of is None else column_of[bags.ids] == number
        name = column if column_of is not None or len(columns) == 1 else ", ".join(columns)
        if field.is_value:
            assert bags.weights is not None or not len(bags.ids)
            values = np.zeros(0) if bags.weights is None else bags.weights[own]
            yield name, _binned(rows[own], values, learning)
        else:
            yield name, _Codes(rows[own], bags.ids[own], vocabulary.size)
    if not field.is_value and bags.weights is not None and (bags.weights != 1).any():
        totals = np.bincount(rows, weights=bags.weights, minlength=len(bags.lengths))
        filled = np.flatnonzero(bags.lengths)
        yield WEIGHTS, _binned(filled, totals[filled], learning)


def _binned(rows: Ints, values: npt.NDArray[Any], learning: Bools) -> _Codes:
    """Numbers, one a row at most, as bins of equal share among the rows to learn from."""
    known = values[learning[rows]]
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner, method="inverted_cdf")) if len(known) else np.zeros(0)
    return _Codes(rows, np.searchsorted(edges, values), len(edges) + 1)


def _held_out_auc(column: _Codes, labels: Float32s, learning: Bools) -> float | None:
    for half in (labels[learning], labels[~learning]):
        if min(half.sum(), len(half) - half.sum()) < _LEAST_OF_EACH:
            return None
    rate = float(labels[learning].mean())
    taught = learning[column.rows]
    codes, rows = column.codes[taught], column.rows[taught]
    seen = np.bincount(codes, minlength=column.num_codes)
    clicked = np.bincount(codes, weights=labels[rows], minlength=column.num_codes)
    odds = _log_odds(seen, clicked, rate)
    empty = np.bincount(column.rows, minlength=len(labels)) == 0
    nothing = _log_odds(
        np.array([np.count_nonzero(empty & learning)]), np.array([labels[empty & learning].sum()]), rate
    )
    scores = np.bincount(column.rows, weights=odds[column.codes], minlength=len(labels)) + empty * nothing
    return auc(labels[~learning], scores[~learning])


def _log_odds(seen: Ints, clicked: npt.NDArray[Any], rate: float) -> npt.NDArray[np.float64]:
    """Against the mean rate: 0 for a token that was never seen."""
    odds: npt.NDArray[np.float64] = np.log((clicked + rate) / (seen - clicked + 1 - rate)) - np.log(rate / (1 - rate))
    return odds
