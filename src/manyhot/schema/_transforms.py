"""Numeric transform steps as text ("clip(0, 20)", "log1p", "bucket(1, 5)"): names, arguments, allowed order."""

from __future__ import annotations

import functools
import math
import re

import msgspec

from manyhot.errors import ConfigError, nearest_name

__all__ = ["Step", "parse_steps"]

# name -> (fewest arguments, most arguments, example for the error sentence)
_STEPS: dict[str, tuple[int, int, str]] = {
    "clip": (2, 2, "clip(0, 20)"),
    "shift": (1, 1, "shift(1)"),
    "log1p": (0, 0, "log1p"),
    "minmax": (0, 0, "minmax"),
    "standardize": (0, 0, "standardize"),
    "drop_below": (1, 1, "drop_below(1e-6)"),
    "log2_bucket": (0, 0, "log2_bucket"),
    "quantile_bucket": (1, 1, "quantile_bucket(10)"),
    "bucket": (1, 10_000, "bucket(1, 5, 20)"),
}
_FITTED = {"minmax", "standardize", "quantile_bucket"}
_BUCKETS = {"log2_bucket", "quantile_bucket", "bucket"}
_NAME = re.compile(r"[a-z0-9_]+")
# A schema may come from anybody, and each field asks for its steps often. 10,000 boundaries of 24 letters fit in.
_MOST_LETTERS, _MOST_KEPT, _MOST_SHOWN = 1 << 18, 256, 200


class Step(msgspec.Struct, frozen=True):
    """One transform: its name and its numbers."""

    name: str
    arguments: tuple[float, ...] = ()

    @property
    def is_fitted(self) -> bool:
        """Whether the step learns numbers from the training data."""
        return self.name in _FITTED

    @property
    def is_bucket(self) -> bool:
        """Whether the step turns the number into a token."""
        return self.name in _BUCKETS


def parse_steps(texts: tuple[str, ...], where: str) -> tuple[Step, ...]:
    """Parses a pipeline. Raises ConfigError that names `where`, the step, and what to write instead."""
    try:
        steps = tuple(map(_parse_step, texts))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    fitted = [step.name for step in steps if step.is_fitted]
    if len(fitted) > 1:
        raise ConfigError(
            f"{where}: {fitted[0]} and {fitted[1]} both learn from the data; a pipeline may hold one of them"
        )
    for step in steps[:-1]:
        if step.is_bucket:
            raise ConfigError(f"{where}: {step.name} makes a token, so it must be the last step")
    return steps


@functools.lru_cache(_MOST_KEPT)
def _parse_step(text: str) -> Step:
    if len(text) > _MOST_LETTERS:
        raise ConfigError(f"{_shown(text)} has {len(text):,} letters; a transform has at most {_MOST_LETTERS:,}")
    stripped = text.strip()
    match = _NAME.match(stripped)
    rest = stripped[match.end() :].lstrip() if match is not None else ""
    if match is None or (rest and not (len(rest) > 1 and rest[0] == "(" and rest[-1] == ")")):
        raise ConfigError(f'{_shown(text)} is no transform; write it like "clip(0, 20)" or "log1p"')
    name, inside = match[0], rest[1:-1].strip()
    if name not in _STEPS:
        raise ConfigError(f"unknown transform {_shown(name)}{nearest_name(name[:_MOST_SHOWN], _STEPS)}")
    fewest, most, example = _STEPS[name]
    try:
        arguments = tuple(float(part) for part in inside.split(",")) if inside else ()
    except ValueError:
        raise ConfigError(f'the arguments of {_shown(text)} must be numbers, as in "{example}"') from None
    if not fewest <= len(arguments) <= most or any(math.isnan(number) for number in arguments):
        raise ConfigError(f'{_shown(text)} has the wrong arguments; write it like "{example}"')
    _check_arguments(name, arguments, _shown(text))
    return Step(name, arguments)


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= _MOST_SHOWN else f'"{text[:_MOST_SHOWN]}..."'


def _check_arguments(name: str, arguments: tuple[float, ...], shown: str) -> None:
    if name == "clip" and arguments[0] > arguments[1]:
        raise ConfigError(f"{shown} has its lower bound above its upper bound")
    if name == "bucket" and list(arguments) != sorted(set(arguments)):
        raise ConfigError(f"the boundaries of {shown} must rise")
    if name == "quantile_bucket" and (not 2 <= arguments[0] <= 10_000 or arguments[0] != int(arguments[0])):
        raise ConfigError(f"{shown} needs a whole number of buckets between 2 and 10000")
    if name in ("shift", "drop_below", "bucket") and not all(math.isfinite(number) for number in arguments):
        raise ConfigError(f"{shown} needs finite numbers")
