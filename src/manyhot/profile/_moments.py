"""Moments: columns of dates and times, in whatever way they are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from ._names import names_a_time, names_an_id
from ._values import Float64s

__all__ = ["moment"]

_DAY = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
_DATE = re.compile(rf"{_DAY}([T ]\d{{1,2}}:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?")
_UNITS = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6}
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC).timestamp(), datetime(2040, 1, 1, tzinfo=UTC).timestamp()
_DECADE = 3.2e8  # seconds; ids that happen to lie in the range of times spread wider
_DIGITS = {"yyyymmdd": ("%Y%m%d", 8), "yymmddhh": ("%y%m%d%H", 8), "yyyymmddhh": ("%Y%m%d%H", 10)}


def moment(name: str, kind: pa.DataType, tokens: pa.Array, numbers: Float64s | None) -> str:
    """Why the distinct values of a column are dates or times, e.g. "time, 2017-05-06 to 2017-05-13"; else ""."""
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        texts = tokens.to_pylist()
        return f"time, {min(texts)[:10]} to {max(texts)[:10]}"
    if numbers is None:
        texts = [text.strip() for text in tokens[:1000].to_pylist()]
        return f"time, such as {texts[0]}" if texts and all(_DATE.fullmatch(text) for text in texts) else ""
    named = names_a_time(name)
    if not named and (numbers != np.floor(numbers)).any():
        return ""
    low, high = float(numbers.min()), float(numbers.max())
    for unit, size in _UNITS.items():
        near = low < high < low + _DECADE * size and not names_an_id(name)
        if _FIRST * size <= low and high <= _LAST * size and (named or near):
            return f"time in {unit}, {_day(low / size)} to {_day(high / size)}"
    for words, (shape, length) in _DIGITS.items():
        if (named or words == "yyyymmdd") and all(_fits(v, shape, length) for v in np.unique(numbers)[:1000]):
            return f"time as {words}, {int(low)} to {int(high)}"
    return ""


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _fits(value: float, shape: str, length: int) -> bool:
    text = str(int(value))
    if len(text) != length:
        return False
    try:
        return 1990 <= datetime.strptime(text, shape).replace(tzinfo=UTC).year <= 2040
    except ValueError:
        return False
