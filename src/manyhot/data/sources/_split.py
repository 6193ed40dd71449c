"""One source as train, valid and test: by time, by a hash of a key, by fraction."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from manyhot.schema import Part, Split, seconds_of

from .._bags import ColumnReader
from .._batches import Rejects, SourceBatch
from .._mixed import mixed
from .._row_columns import read_keys, read_times
from ._filtered import Choice, Filtered
from ._source import Source
from ._time_counts import TimeCounts

__all__ = ["split_source"]

UInt64s: TypeAlias = npt.NDArray[np.uint64]
_EPOCH = datetime.datetime(1970, 1, 1)
_TRAIN, _VALID, _TEST = range(3)
_NUMBERS: dict[Part, int] = {"train": _TRAIN, "valid": _VALID, "test": _TEST}


class Rule(Protocol):
    """Says of each row which part it belongs to."""

    columns: tuple[str, ...]

    def prepare(self) -> None:
        """To be called before the first batch."""

    def parts(self, batch: SourceBatch, first: int, reasons: dict[int, str]) -> npt.NDArray[np.int8]:
        """0 train, 1 valid, 2 test, int8 [rows]; `first` is the number of the batch's first row in the source."""


def split_source(
    source: Source, split: Split, time: str | None = None, tell: Callable[[str], None] | None = None
) -> dict[Part, Source]:
    """The parts that the split makes. Each row is in one of them; bad rows are told of by train alone.

    time: the column that a split by time needs. tell: is told in words where the parts of one by shares start, when
    that is found out.
    """
    rule: Rule = _ByTime(source, split, time, tell) if split.by == "time" and time is not None else _ByHash(split)
    text = json.dumps([msgspec.to_builtins(split), *rule.columns])
    return {
        part: Filtered(
            source,
            rule.columns,
            _choice(rule, part),
            made_by=f"{part} of split {text}",
            prepare=rule.prepare,
            reports=part == "train",
        )
        for part in split.parts
    }


def _choice(rule: Rule, part: Part) -> Choice:
    def choose(batch: SourceBatch, first: int) -> tuple[npt.NDArray[np.bool_], dict[int, str]]:
        reasons: dict[int, str] = {}
        return rule.parts(batch, first, reasons) == _NUMBERS[part], reasons

    return choose


class _ByHash:
    """By hash and by fraction: a number in [0, 2^64) for each key or row. The lowest are test and the highest valid, so
    that making one of them moves no row of the other."""

    def __init__(self, split: Split) -> None:
        self.columns: tuple[str, ...] = (split.key,) if split.key is not None else ()
        self._seed = mixed(np.array([split.seed], np.uint64))
        self._test_end = math.floor(split.share("test") * 2**64)
        self._last_of_train = 2**64 - 1 - math.floor(split.share("valid") * 2**64)

    def prepare(self) -> None:
        """Everything is known."""

    def parts(self, batch: SourceBatch, first: int, reasons: dict[int, str]) -> npt.NDArray[np.int8]:
        if self.columns:
            (key,) = self.columns
            keys = read_keys(ColumnReader(batch.origin, key, reasons=reasons), batch.batch.column(key))
        else:
            keys = np.arange(first + 1, first + 1 + batch.batch.num_rows, dtype=np.uint64)
        place = mixed(keys ^ self._seed)
        parts = np.full(len(keys), _TRAIN, np.int8)
        parts[place > self._last_of_train] = _VALID
        parts[place < self._test_end] = _TEST
        parts[keys == 0] = _TRAIN  # nothing tells whether a row without a key belongs to one of those in train
        return parts


class _ByTime:
    """The last rows. Where shares were asked for, one pass over the times finds where the parts start."""

    def __init__(self, source: Source, split: Split, column: str, tell: Callable[[str], None] | None) -> None:
        self.columns: tuple[str, ...] = (column,)
        self._source, self._split, self._tell = source, split, tell
        self._starts: tuple[float, float] | None = None
        if split.valid is None and split.test is None:
            moments = (split.valid_from, split.test_from)
            valid, test = (math.inf if moment is None else seconds_of(moment) for moment in moments)
            self._starts = valid, test

    def prepare(self) -> None:
        if self._starts is None:
            self._starts = self._find_starts()

    def parts(self, batch: SourceBatch, first: int, reasons: dict[int, str]) -> npt.NDArray[np.int8]:
        assert self._starts is not None, "prepare comes first"
        times, (valid, test) = self._times(batch, reasons), self._starts
        parts = np.full(len(times), _TRAIN, np.int8)
        parts[times >= valid] = _VALID
        parts[times >= test] = _TEST
        return parts

    def _times(self, batch: SourceBatch, reasons: dict[int, str]) -> npt.NDArray[np.float64]:
        (column,) = self.columns
        return read_times(ColumnReader(batch.origin, column, reasons=reasons), batch.batch.column(column))

    def _find_starts(self) -> tuple[float, float]:
        counts = TimeCounts()
        for times in self._good_times():
            counts.add(times)
        valid, test = counts.starts(self._split, self._source.name)
        if self._tell is not None:
            made = ((name, start) for name, start in (("valid", valid), ("test", test)) if start < math.inf)
            self._tell("split by time: " + ", ".join(f"{name} from {_shown(start)}" for name, start in made))
        return valid, test

    def _good_times(self) -> Iterator[npt.NDArray[np.float64]]:
        for batch in self._source.batches(self.columns, Rejects()):
            reasons: dict[int, str] = {}
            times = self._times(batch, reasons)
            yield np.delete(times, list(reasons))


def _shown(seconds: float) -> str:
    """ "1414540800 (2014-10-29 00:00:00 UTC)"; the number alone where it is no time of these millennia."""
    number = f"{seconds:.15g}"
    try:
        return f"{number} ({_EPOCH + datetime.timedelta(seconds=seconds)} UTC)"
    except OverflowError:
        return number
