"""train, valid and test as training reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from manyhot.schema import Part, Schema, Split

from .._bags import ColumnReader
from .._batches import SourceBatch
from .._row_columns import read_example_weights
from ._filtered import Filtered
from ._source import Source
from ._split import split_source

__all__ = ["parts_to_train_on"]


def parts_to_train_on(
    given: Mapping[Part, Source],
    schema: Schema,
    split: Split | None = None,
    tell: Callable[[str], None] | None = None,
) -> dict[Part, Source]:
    """The sources given, and those that the split makes of train; train without the rows of weight 0.

    tell: is told in words where a split by time found that the parts start. Raises ConfigError where a part is both
    given and made, or the schema names no time for a split by time.
    """
    sources = dict(given)
    if split is not None:
        split.check(schema.time, valid="valid" in given, test="test" in given)
        sources |= split_source(given["train"], split, schema.time, tell)
    if schema.example_weights is not None:
        sources["train"] = _without_weight_zero(sources["train"], schema.example_weights)
    return sources


def _without_weight_zero(source: Source, column: str) -> Source:
    """Nothing is learned from such a row: no token, no range of a number, no weight of the model."""

    def choose(batch: SourceBatch, first: int) -> tuple[npt.NDArray[np.bool_], dict[int, str]]:
        reasons: dict[int, str] = {}
        weights = read_example_weights(ColumnReader(batch.origin, column, reasons=reasons), batch.batch.column(column))
        meant = weights != 0
        meant[list(reasons)] = True  # to be refused like any other bad row
        return meant, {}

    return Filtered(source, (column,), choose, made_by=f"{column} > 0")
