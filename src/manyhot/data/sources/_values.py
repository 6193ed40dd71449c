"""Plain values (of JSON, or in Python) as one Arrow column: scalars, lists, and bags however they are written."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Faults", "column_of", "plain_values"]

Faults = dict[int, str]  # by row
_NOTHING = type(None)
_PLAIN = {str, int, float, bool}


class _Bad(ValueError):
    """A value that cannot stand in a column; the message goes behind 'column "x" '."""


def column_of(values: list[Any]) -> tuple[pa.Array, Faults]:
    """One Arrow array of N plain values, None being null, and why which of them are bad; in their place there is null.

    Scalars of one kind (whole and other numbers are one) keep it; where kinds mix they are text. A list holds tokens,
    or pairs [token, weight], or objects {token, weight}; an object is token -> weight; these become
    list<struct<token, weight>>. Where scalars and lists mix, a scalar is a list of one.
    """
    kinds = _kinds(values)
    if kinds == {list}:
        inner = _kinds(itertools.chain.from_iterable(v for v in values if v is not None))
        if not inner & {list, dict}:
            return _lists(values, inner)
    elif not kinds & {list, dict}:
        return _scalars(values, kinds)
    return _bags(values, kinds)


def plain_values(values: list[Any]) -> list[Any]:
    """What numpy and other containers hold, as plain numbers, lists and dicts: what JSON has, and dates and bytes."""
    level = values
    while level:  # a level of nesting at a time, as a call for each value would cost more than all else here
        kinds = _kinds(level)
        if not kinds <= _PLAIN | {list, dict}:
            return [_plain(value) for value in values]
        lists = [value for value in level if type(value) is list] if list in kinds else []
        dicts = [value.values() for value in level if type(value) is dict] if dict in kinds else []
        level = list(itertools.chain(*lists, *dicts))
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(member) for member in value]
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    return value


def _kinds(values: Iterable[Any]) -> set[type]:
    return set(map(type, values)) - {_NOTHING}


def _is_one(kinds: set[type]) -> bool:
    return len(kinds) < 2 or kinds == {int, float}


def _scalars(values: list[Any], kinds: set[type]) -> tuple[pa.Array, Faults]:
    if _is_one(kinds):
        try:
            return pa.array(values), {}
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass  # whole numbers of more than 64 bits, texts that are no UTF-8, and kinds unknown to Arrow
    texts, faults = _each(values, _text)
    return pa.array(texts, pa.string()), faults


def _lists(values: list[Any], inner: set[type]) -> tuple[pa.Array, Faults]:
    if _is_one(inner):
        try:
            return pa.array(values, None if inner else pa.list_(pa.null())), {}
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass
    lists, faults = _each(values, lambda value: [_token(token) for token in value])
    return pa.array(lists, pa.list_(pa.string())), faults


def _bags(values: list[Any], kinds: set[type]) -> tuple[pa.Array, Faults]:
    present = [[] if value is None else value for value in values]
    faults = Faults()
    pairs = _uniform_pairs(present, kinds)
    if pairs is None:
        bags, faults = _each(values, _pairs)
        present = [bag or [] for bag in bags]
        flat = list(itertools.chain.from_iterable(present))
        pairs = [token for token, _ in flat], [weight for _, weight in flat]
    tokens, weights = pairs
    offsets = np.concatenate([[0], np.cumsum([len(bag) for bag in present], dtype=np.int64)]).astype(np.int32)
    structs = [pa.array(tokens, pa.string()), pa.array(weights, pa.float64())]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(structs, ["token", "weight"])), faults


def _uniform_pairs(values: list[Any], kinds: set[type]) -> tuple[list[Any], list[Any]] | None:
    """All tokens and all weights, where every bag is written in one way and tokens are text; None: look at each."""
    try:
        if kinds == {dict}:
            maps = [value for value in values if value]
            tokens = list(itertools.chain.from_iterable(maps))
            weights = list(itertools.chain.from_iterable(value.values() for value in maps))
        elif kinds == {list}:
            pairs = list(itertools.chain.from_iterable(values))
            of = _kinds(pairs)
            if set(map(len, pairs)) != {2} or len(of) != 1:
                return None
            first, second = ("token", "weight") if of == {dict} else (0, 1)
            tokens, weights = [pair[first] for pair in pairs], [pair[second] for pair in pairs]
        else:
            return None
        if set(map(type, tokens)) <= {str} and set(map(type, weights)) <= {int, float}:
            pa.array(tokens, pa.string())
            return tokens, [float(weight) for weight in weights]
    except (KeyError, TypeError, UnicodeEncodeError, OverflowError):
        pass
    return None


def _pairs(value: Any) -> list[tuple[str | None, float | None]]:
    """The bag that one value is."""
    if isinstance(value, dict):
        return [(_token(token), _weight(weight)) for token, weight in value.items()]
    if isinstance(value, list):
        return [_pair(member) for member in value]
    return [] if value == "" else [(_token(value), 1.0)]


def _pair(member: Any) -> tuple[str | None, float | None]:
    if isinstance(member, dict):
        if member.keys() != {"token", "weight"}:
            raise _Bad('holds an object whose keys are not "token" and "weight"')
        return _token(member["token"]), _weight(member["weight"])
    if isinstance(member, list):
        if len(member) != 2:
            raise _Bad(f"holds a list of {len(member)} in a list, where a pair has a token and a weight")
        return _token(member[0]), _weight(member[1])
    return _token(member), 1.0


def _weight(value: Any) -> float | None:
    if value is None:
        return None  # for the Encoder to refuse, as a null weight of any source
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Bad(f"holds a weight that is no number: {_shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _token(value: Any) -> str | None:
    if isinstance(value, float) and not value.is_integer():
        raise _Bad(f"holds {value} as a token; pairs are written [[token, weight], ...]")
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise _Bad("holds a number that is not finite")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        kind = type(value).__name__
        raise _Bad(f"holds a {kind}; what is no text, number, list or dict must be of one kind that Arrow knows")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Bad("is not UTF-8 text") from None
    return value


def _each(values: list[Any], convert: Any) -> tuple[list[Any], Faults]:
    """The converted values, None in place of None and of bad ones; and the bad ones."""
    converted, faults = [], Faults()
    for row, value in enumerate(values):
        try:
            converted.append(None if value is None else convert(value))
        except _Bad as error:
            converted.append(None)
            faults[row] = str(error)
    return converted, faults


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except RecursionError:  # the decoder goes as deep, and began higher up
        text = f"a {type(value).__name__} nested too deeply"
    return text if len(text) <= 60 else text[:57] + "..."
