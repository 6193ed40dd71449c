"""The raw files of two competitions: Criteo's display advertising and Avazu's click-through rate prediction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.schema import Reading

from .._batches import Rejects, SourceBatch
from ._csv import CsvFormat
from ._file import File
from ._source import check_columns
from ._without import without

__all__ = ["AvazuFormat", "CriteoFormat"]

_CRITEO = ("Label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27)))
_HOUR = "hour"  # YYMMDDHH
_DERIVED = ("hour_of_day", "weekday")


class CriteoFormat(CsvFormat):
    """Tab-separated, without a header or quotes: Label, I1..I13, C1..C26."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(msgspec.structs.replace(reading, format="tsv", columns=_CRITEO, quote=False), "\t")


class AvazuFormat:
    """CSV with a header; `hour_of_day` 0..23 and `weekday` 0..6 (from Monday) are made from `hour`."""

    def __init__(self, reading: Reading) -> None:
        self._csv = CsvFormat(reading, ",")

    def columns(self, file: File) -> list[str]:
        """The header's, then the derived ones."""
        return [*self._csv.columns(file), *_DERIVED]

    def batches(self, file: File, columns: list[str], rejects: Rejects) -> Iterator[SourceBatch]:
        """As of any CSV file; a row whose hour is no hour goes to the rejects where it is needed."""
        check_columns(file.name, columns, self.columns(file))
        derived = [column for column in columns if column in _DERIVED]
        wanted = [column for column in columns if column not in _DERIVED]
        if derived and _HOUR not in wanted:
            wanted.append(_HOUR)
        for batch in self._csv.batches(file, wanted, rejects):
            yield _with_derived(batch, columns, rejects) if derived else batch


def _with_derived(batch: SourceBatch, columns: list[str], rejects: Rejects) -> SourceBatch:
    hours = batch.batch.column(_HOUR).cast(pa.binary()).dictionary_encode()  # a day of impressions has 24 of them
    moments = [_moment(text) for text in hours.dictionary.to_pylist()]
    of_day = pa.array([moment and moment.hour for moment in moments], pa.int8()).take(hours.indices)
    weekday = pa.array([moment and moment.weekday() for moment in moments], pa.int8()).take(hours.indices)
    derived = dict(zip(_DERIVED, (of_day, weekday), strict=True))
    arrays = [derived[c] if c in derived else batch.batch.column(c) for c in columns]
    bad = np.flatnonzero(np.asarray(pc.and_(hours.is_valid(), of_day.is_null())))
    why = f'column "{_HOUR}" is no hour as YYMMDDHH: '
    reasons = {row: why + _shown(hours.dictionary[hours.indices[row].as_py()].as_py()) for row in bad.tolist()}
    return without(replace(batch, batch=pa.record_batch(arrays, columns)), reasons, rejects)


def _moment(text: bytes) -> datetime | None:
    if not re.fullmatch(rb"[0-9]{8}", text):
        return None
    year, month, day, hour = (int(text[i : i + 2]) for i in range(0, 8, 2))
    try:
        return datetime(2000 + year, month, day, hour)
    except ValueError:
        return None


def _shown(text: bytes) -> str:
    return repr(text[:60].decode(errors="replace"))
