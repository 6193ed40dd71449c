"""Numeric transform steps as text ("clip(0, 20)", "log1p", "bucket(1, 5)"): names, arguments, allowed order."""

from __future__ import annotations

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
_SHAPE = re.compile(r"\s*([a-z0-9_]+)\s*(?:\(\s*(.*?)\s*\))?\s*", re.DOTALL)


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
    steps = tuple(_parse_step(text, where) for text in texts)
    fitted = [step.name for step in steps if step.is_fitted]
    if len(fitted) > 1:
        raise ConfigError(
            f"{where}: {fitted[0]} and {fitted[1]} both learn from the data; a pipeline may hold one of them"
        )
    for step in steps[:-1]:
        if step.is_bucket:
            raise ConfigError(f"{where}: {step.name} makes a token, so it must be the last step")
    return steps


def _parse_step(text: str, where: str) -> Step:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ConfigError(f'{where}: "{text}" is no transform; write it like "clip(0, 20)" or "log1p"')
    name, inside = match.group(1), match.group(2)
    if name not in _STEPS:
        raise ConfigError(f'{where}: unknown transform "{name}"{nearest_name(name, _STEPS)}')
    fewest, most, example = _STEPS[name]
    try:
        arguments = tuple(float(part) for part in inside.split(",")) if inside else ()
    except ValueError:
        raise ConfigError(f'{where}: the arguments of "{text}" must be numbers, as in "{example}"') from None
    if not fewest <= len(arguments) <= most or any(math.isnan(number) for number in arguments):
        raise ConfigError(f'{where}: "{text}" has the wrong arguments; write it like "{example}"')
    _check_arguments(name, arguments, text, where)
    return Step(name, arguments)


def _check_arguments(name: str, arguments: tuple[float, ...], text: str, where: str) -> None:
    if name == "clip" and arguments[0] > arguments[1]:
        raise ConfigError(f'{where}: "{text}" has its lower bound above its upper bound')
    if name == "bucket" and list(arguments) != sorted(set(arguments)):
        raise ConfigError(f'{where}: the boundaries of "{text}" must rise')
    if name == "quantile_bucket" and (not 2 <= arguments[0] <= 10_000 or arguments[0] != int(arguments[0])):
        raise ConfigError(f'{where}: "{text}" needs a whole number of buckets between 2 and 10000')
    if name in ("shift", "drop_below", "bucket") and not all(math.isfinite(number) for number in arguments):
        raise ConfigError(f'{where}: "{text}" needs finite numbers')
