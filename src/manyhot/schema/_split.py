"""Split: how one source of rows is cut into train, valid and test."""

from __future__ import annotations

import datetime
import math
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import msgspec

from manyhot.errors import ConfigError

from ._config import Config

__all__ = ["Part", "Split", "seconds_of"]

Part: TypeAlias = Literal["train", "valid", "test"]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_KEYS = {
    "time": ("valid", "test", "valid_from", "test_from"),
    "hash": ("valid", "test", "key", "seed"),
    "fraction": ("valid", "test", "seed"),
}


class Split(Config, frozen=True, kw_only=True):
    """Cuts the rows of train in up to three parts; each row lands in exactly one (rules: docs/semantics.md, section 1).

    by: "time": the last rows by the schema's time column, rows of one time together; "hash": rows with one token in the
        column `key` together; "fraction": each row by itself, by its number.
    valid, test: the share of each part, above 0; None makes no such part.
    valid_from, test_from: in place of shares, with by = "time": where the part starts; a number (seconds since 1970),
        a date, a datetime, or ISO text.
    key: the column, with by = "hash".
    seed: another one draws other rows; with by = "hash" and "fraction".

    Raises ConfigError for combinations that cannot be meant.
    """

    by: Literal["time", "hash", "fraction"]
    key: str | None = None
    valid: float | None = None
    test: float | None = None
    valid_from: Any = None
    test_from: Any = None
    seed: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in msgspec.structs.fields(self):
            if field.name not in ("by", *_KEYS[self.by]) and getattr(self, field.name) != field.default:
                raise ConfigError(f'split: by = "{self.by}" has no {field.name}; it has {", ".join(_KEYS[self.by])}')
        if self.by == "hash" and not self.key:
            raise ConfigError('split: by = "hash" needs key, the column whose rows stay together')
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"split: seed = {self.seed} must lie between 0 and 2^63 - 1")
        for name in ("valid_from", "test_from"):
            moment = getattr(self, name)
            if moment is not None:
                msgspec.structs.force_setattr(self, name, _plain(moment, name))
        self._check_shares()

    def _check_shares(self) -> None:
        shares = [share for share in (self.valid, self.test) if share is not None]
        starts = [start for start in (self.valid_from, self.test_from) if start is not None]
        if shares and starts:
            raise ConfigError("split: shares (valid, test) and times (valid_from, test_from) exclude each other")
        if not shares and not starts:
            raise ConfigError("split: makes no part; give valid, test or both, a share like 0.1")
        for name in ("valid", "test"):
            share = getattr(self, name)
            if share is not None and not 0 < share < 1:
                raise ConfigError(f"split: {name} = {share} must lie between 0 and 1")
        if self.share("valid") + self.share("test") >= 1:
            raise ConfigError(f"split: valid = {self.valid} and test = {self.test} leave nothing for train")
        if len(starts) == 2 and seconds_of(starts[0]) >= seconds_of(starts[1]):
            raise ConfigError(f"split: valid_from = {starts[0]} must lie before test_from = {starts[1]}")

    def share(self, part: Literal["valid", "test"]) -> Fraction:
        """As it was written, 0.1 being a tenth; 0 where none was given."""
        return Fraction(repr(float(getattr(self, part) or 0)))

    @property
    def parts(self) -> tuple[Part, ...]:
        """ "train" and those it makes beside it."""
        made: list[Part] = ["train"]
        made += ["valid"] if self.valid is not None or self.valid_from is not None else []
        made += ["test"] if self.test is not None or self.test_from is not None else []
        return tuple(made)

    def check(self, time: str | None, *, valid: bool, test: bool) -> None:
        """Raises ConfigError where the schema names no time column that is needed, or where a part is given too."""
        if self.by == "time" and time is None:
            raise ConfigError('split: by = "time" needs the column of the time; give time = "..." beside label')
        for name, given in (("valid", valid), ("test", test)):
            if given and name in self.parts:
                raise ConfigError(f"split: makes {name}, which is given too; remove one of the two")


def seconds_of(moment: str | float) -> float:
    """Seconds since 1970 of a number, of text that spells one, or of ISO text (UTC unless it says otherwise).

    Raises ValueError.
    """
    try:
        if isinstance(moment, str) and "_" in moment:  # Python reads 1_000 as a number, nobody else does
            raise ValueError(moment)
        seconds = float(moment)
    except ValueError:
        when = datetime.datetime.fromisoformat(str(moment).strip())
        when = when if when.tzinfo is not None else when.replace(tzinfo=datetime.UTC)
        return (when - _EPOCH) / datetime.timedelta(seconds=1)
    if not math.isfinite(seconds):
        raise ValueError(moment)
    return seconds


def _plain(moment: Any, name: str) -> str | float:
    """A date or datetime as ISO text; what is a number or readable text as it is."""
    if isinstance(moment, datetime.date):
        moment = moment.isoformat()
    try:
        if isinstance(moment, bool) or not isinstance(moment, str | int | float):
            raise ValueError(moment)
        seconds_of(moment)
    except ValueError:
        raise ConfigError(
            f"split: {name} = {moment!r} is no time; write a date like 2014-10-29, ISO text, or seconds since 1970"
        ) from None
    return moment
