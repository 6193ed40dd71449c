"""Rows held by objects: data frames and whatever speaks the Arrow PyCapsule protocol, and dicts of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from manyhot.errors import DataError

from .._batches import Rejects, SourceBatch
from ._source import BATCH_ROWS, check_columns, numbered

__all__ = ["Frame", "is_frame"]


class Frame:
    """A Source over an object, which is turned into an Arrow table once."""

    name = "the data frame"

    def __init__(self, data: Any) -> None:
        self._table = _to_table(data)

    def columns(self) -> list[str]:
        """Of the table."""
        return list(self._table.column_names)

    def fingerprint(self) -> None:
        """An object has nothing to go by."""
        return

    def batches(self, columns: Sequence[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """Of BATCH_ROWS rows at most."""
        check_columns(self.name, columns, self._table.column_names)
        yield from numbered(self._table.select(columns).to_batches(BATCH_ROWS), self.name)


def is_frame(data: Any) -> bool:
    """Whether it holds columns, and not rows one by one."""
    known = isinstance(data, dict | pa.Table | pa.RecordBatch)
    return known or hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def _to_table(data: Any) -> pa.Table:
    try:
        if isinstance(data, dict):
            return pa.table(data)
        if isinstance(data, pa.Table):
            return data
        if isinstance(data, pa.RecordBatch):
            return pa.Table.from_batches([data])
        if hasattr(data, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(data).read_all()
        if hasattr(data, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(data)])
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"cannot turn {type(data).__name__} into Arrow columns: {error}") from None
    raise DataError(
        f"cannot read rows from {type(data).__name__}; give a path, a data frame with the Arrow PyCapsule protocol "
        "(__arrow_c_stream__), a dict of columns, or dicts of rows"
    )
