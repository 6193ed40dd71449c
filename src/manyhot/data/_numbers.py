"""Numeric columns: reading numbers out of Arrow, and the transform pipeline fitted on training data only."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from manyhot.kernels import Int32s, Tokens
from manyhot.schema import Step

from ._bags import ColumnReader, decoded, from_text, to_strings
from ._distinct import DistinctCounts
from ._moments import Moments

__all__ = ["NumericColumn", "Summary", "read_numbers"]

Float64s = npt.NDArray[np.float64]
_LARGEST = float(np.finfo(np.float32).max)


def read_numbers(reader: ColumnReader, array: pa.Array) -> tuple[Float64s, npt.NDArray[np.bool_]]:
    """Values float64 [rows] and which of them are there. Text is parsed; NaN, infinity and other text are bad rows."""
    with reader.reading(array):
        return _read_numbers(reader, array)


def _read_numbers(reader: ColumnReader, array: pa.Array) -> tuple[Float64s, npt.NDArray[np.bool_]]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = decoded(array), kind.value_type
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    ):
        numbers = array.cast(pa.float64(), safe=False)
    elif pa.types.is_null(kind):
        numbers = array.cast(pa.float64())
    else:
        numbers = _parse(reader, array)
    present = np.asarray(pc.is_valid(numbers)).astype(bool)
    values = np.asarray(numbers.fill_null(0.0)).astype(np.float64)
    bad = ~np.isfinite(values)
    reader.fail(np.flatnonzero(bad), "is not a finite number; write null (or nothing) where it is missing")
    huge = ~bad & (np.abs(values) > _LARGEST)
    reader.fail(np.flatnonzero(huge), "is a number too large for float32")
    return (np.where(bad | huge, 0.0, values) if bad.any() or huge.any() else values), present


def _parse(reader: ColumnReader, array: pa.Array) -> pa.Array:
    strings, bad = to_strings(array)
    if strings is None or pa.types.is_temporal(array.type):
        raise reader.wrong_type(array, "but the field is numeric")
    reader.fail(bad, "is not UTF-8 text")
    try:
        return strings.cast(pa.float64())  # which accepts no white space
    except pa.ArrowInvalid:
        pass
    strings = pc.utf8_trim_whitespace(strings)
    strings = pc.if_else(pc.equal(strings, ""), None, strings)
    try:
        return strings.cast(pa.float64())
    except pa.ArrowInvalid:
        numbers: list[float | None] = []
        for row, text in enumerate(strings.to_pylist()):
            try:
                numbers.append(None if text is None else _number(text))
            except ValueError:
                reader.fail([row], f"is not a number: {text[:60]!r}")
                numbers.append(None)
        return pa.array(numbers, pa.float64())


def _number(text: str) -> float:
    if "_" in text:  # Python reads 1_000 as a number, nobody else does
        raise ValueError
    return float(text)


@dataclass(frozen=True)
class Summary:
    """What a pipeline learns from values; that of several parts joins to that of the whole, bit by bit."""

    moments: Moments = field(default_factory=Moments)
    distinct: DistinctCounts = field(default_factory=DistinctCounts)

    def add(self, other: Summary, times: int = 1) -> None:
        """Takes in another part; its moments count `times` times."""
        self.moments.add(other.moments, times)
        self.distinct.add(*other.distinct.counted())


class NumericColumn:
    """The pipeline of one column. Let its `learned` take in the `summary` of each batch, `finish` once, then `apply`.

    Formulas: docs/semantics.md, section 4. A pipeline that fits something and ends in a bucket keeps a count of each
    distinct value while it learns, so that quantiles are exact and the buckets' tokens can be counted in the same pass.
    """

    def __init__(self, column: str, steps: tuple[Step, ...]) -> None:
        self.column, self.steps = column, steps
        self.fitted: dict[str, Any] = {}
        fitted = [i for i, step in enumerate(steps) if step.is_fitted]
        self._fit_at = fitted[0] if fitted else None
        self.is_fitted = bool(fitted)
        self.counts_late = bool(fitted) and steps[-1].is_bucket
        self.learned = Summary()

    def summary(self, reader: ColumnReader, values: Float64s) -> Summary | None:
        """Of the present values of a batch, untransformed; None where there is nothing to learn. Changes nothing."""
        if self._fit_at is None or not len(values):
            return None
        values = self._run(reader, values, self.steps[: self._fit_at])
        with_sums = self.steps[self._fit_at].name == "standardize"
        summary = Summary(Moments.of(values, with_sums=with_sums))
        if self.counts_late:
            summary.distinct.add(*np.unique(values, return_counts=True))
        return summary

    def finish(self) -> tuple[Tokens, npt.NDArray[np.int64]] | None:
        """Fixes what was learned; the tokens and counts of the buckets where those could not be known before."""
        if self._fit_at is None:
            return None
        moments, (values, times) = self.learned.moments, self.learned.distinct.counted()
        step = self.steps[self._fit_at]
        if step.name == "minmax":
            some = moments.count > 0
            self.fitted = {"low": moments.low if some else 0.0, "high": moments.high if some else 0.0}
        elif step.name == "standardize":
            self.fitted = {"mean": moments.mean(), "deviation": moments.deviation()}
        else:
            self.fitted = {"boundaries": _quantiles(values, times, int(step.arguments[0]))}
        if not self.counts_late:
            return None
        tokens, positions = self.bucket_tokens(self._run(None, values, self.steps[self._fit_at :]))
        return tokens.take(positions), times

    def restore(self, fitted: Any) -> None:
        """Sets what `finish` learned, out of a file. Raises ValueError where it is not what these steps learn."""
        step = "" if self._fit_at is None else self.steps[self._fit_at].name
        where, keys = f'column "{self.column}": what {step or "no step"} learned', _LEARNED[step]
        if not isinstance(fitted, dict) or fitted.keys() != keys:
            raise ValueError(f"{where} is not {', '.join(sorted(keys)) or 'nothing'}")
        numbers = fitted["boundaries"] if "boundaries" in keys else list(fitted.values())
        if not isinstance(numbers, list) or any(type(n) not in (int, float) or not abs(n) < np.inf for n in numbers):
            raise ValueError(f"{where} are no finite numbers")
        if "boundaries" in keys and not all(a < b for a, b in itertools.pairwise(numbers)):
            raise ValueError(f"{where} do not rise")
        self.fitted = fitted

    def apply(self, reader: ColumnReader, values: Float64s) -> Float64s:
        """Transformed values; for a pipeline that ends in a bucket, codes for `bucket_tokens`."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = self._run(reader, values, self.steps)
            bad = ~(np.abs(values) <= _LARGEST)
        if bad.any():
            reader.fail_values(bad, "becomes too large for float32 by its transforms")
            values = np.where(bad, 0.0, values)
        return values

    def bucket_tokens(self, codes: Float64s) -> tuple[Tokens, Int32s]:
        """The distinct tokens of N codes, "3", or for log2_bucket's small values "SP1"; and which of them each has."""
        encoded = pa.array(codes).dictionary_encode()
        small = self.steps[-1].name == "log2_bucket"
        distinct = encoded.dictionary.to_pylist()
        texts = [f"SP{int(c + 0.5)}" if small and c != int(c) else str(int(c)) for c in distinct]
        return from_text(pa.array(texts, pa.large_string())), np.asarray(encoded.indices)

    def _run(self, reader: ColumnReader | None, values: Float64s, steps: tuple[Step, ...]) -> Float64s:
        for step in steps:
            if step.name == "log1p" and (values <= -1).any():
                if reader is not None:  # else it is `finish`, and applying to the rows will tell
                    reader.fail_values(
                        values <= -1, 'is at or below -1, where log1p is undefined; put "clip(0, inf)" before it'
                    )
                values = np.maximum(values, 0)
            values = _STEPS[step.name](values, step, self.fitted)
        return values


def _quantiles(values: Float64s, times: npt.NDArray[np.int64], buckets: int) -> list[float]:
    """Rising boundaries: the smallest value with at least k/buckets of all values at or below it, k = 1.."""
    if not len(values):
        return []
    below = np.cumsum(times)
    wanted = -(-below[-1] * np.arange(1, buckets) // buckets)
    return sorted(set(values[np.searchsorted(below, wanted)].tolist()))


def _log2_bucket(values: Float64s) -> Float64s:
    """v > 2: floor(ln(v)^2). Else a code half below the whole number floor(v), which `bucket_tokens` writes as "SP"."""
    large = np.square(np.log(np.maximum(values, 2)))
    return np.where(values > 2, np.floor(large), np.floor(values) - 0.5)


def _minmax(values: Float64s, low: float, high: float) -> Float64s:
    return (values - low) / ((high - low) or 1.0)


_LEARNED: dict[str, set[str]] = {
    "": set(),
    "minmax": {"low", "high"},
    "standardize": {"mean", "deviation"},
    "quantile_bucket": {"boundaries"},
}
_STEPS: dict[str, Any] = {
    "clip": lambda v, step, fitted: np.clip(v, *step.arguments),
    "shift": lambda v, step, fitted: v + step.arguments[0],
    "log1p": lambda v, step, fitted: np.log1p(v),
    "minmax": lambda v, step, fitted: _minmax(v, fitted["low"], fitted["high"]),
    "standardize": lambda v, step, fitted: (v - fitted["mean"]) / (fitted["deviation"] or 1.0),
    "drop_below": lambda v, step, fitted: np.where(np.abs(v) < step.arguments[0], 0.0, v),
    "log2_bucket": lambda v, step, fitted: _log2_bucket(v),
    "quantile_bucket": lambda v, step, fitted: np.searchsorted(fitted["boundaries"], v).astype(float),
    "bucket": lambda v, step, fitted: np.searchsorted(step.arguments, v, side="right").astype(float),
}
