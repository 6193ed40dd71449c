"""What objects of a training remember, as plain values and arrays: no pickle, so that a checkpoint is data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt
import torch

from manyhot.errors import StorageError

__all__ = ["Arrays", "Remembering", "State", "fixed", "joined", "load_parts", "part", "state_of"]

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
# Values are what JSON holds, without NaN and infinity. Arrays may be views of what training goes on to change; one that
# is read-only never changes, so that whoever keeps it needs no copy.
State: TypeAlias = tuple[dict[str, Any], Arrays]


class Remembering(Protocol):
    """What has a state that the rest of the training depends on."""

    def state(self) -> State:
        """All of it."""

    def load_state(self, values: dict[str, Any], arrays: Arrays) -> None:
        """Takes what `state` gave of an object made with the same settings."""


def fixed(arrays: Arrays) -> Arrays:
    """The same arrays, read-only."""
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def joined(states: Mapping[str, State]) -> State:
    """One state of several: values by their names, arrays as "name.array"."""
    arrays = {f"{name}.{key}": array for name, (_, arrays) in states.items() for key, array in arrays.items()}
    return {name: values for name, (values, _) in states.items()}, arrays


def part(state: State, name: str) -> State:
    """What `joined` took under this name."""
    values, arrays = state
    prefix = f"{name}."
    return values.get(name, {}), {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def state_of(parts: Mapping[str, Remembering]) -> State:
    """Of all parts of a training, and of torch's random numbers."""
    states = {name: of.state() for name, of in parts.items()}
    return joined({**states, "random": ({}, {"torch": torch.get_rng_state().numpy()})})


def load_parts(parts: Mapping[str, Remembering], state: tuple[dict[str, Any] | None, Arrays], where: str) -> None:
    """Puts the parts, made by the same experiment, and torch's random numbers where they were. Raises StorageError
    naming `where` if the state is not of such parts."""
    try:
        fresh_values, fresh = state_of(parts)
        _check_values("state", state[0], fresh_values)
        values = state[0] or {}
        for name, array in state[1].items():
            like = fresh.get(name)
            if like is None or not like.flags.writeable:
                continue  # its size is not known before
            if (array.shape, array.dtype) != (like.shape, like.dtype):
                raise ValueError(f"{name} is {array.dtype} {array.shape} instead of {like.dtype} {like.shape}")
        for name, of in parts.items():
            of.load_state(*part((values, state[1]), name))
        torch.set_rng_state(torch.tensor(state[1]["random.torch"]))
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError) as error:
        raise StorageError(
            f"{where}: the checkpoint is not one of this training ({error}); move it away and train anew"
        ) from None


def _check_values(name: str, value: Any, like: Any) -> None:
    """Raises ValueError where a value is of another kind than the one of fresh parts (None where nothing is known yet).
    Whole numbers count something."""
    match like:
        case dict():
            if not isinstance(value, dict):
                raise ValueError(f"{name} is no table")
            for key in value.keys() & like.keys():
                _check_values(f"{name}.{key}", value[key], like[key])
        case list():
            if not isinstance(value, list) or len(value) != len(like):
                raise ValueError(f"{name} is no list of {len(like)}")
            for each, of in zip(value, like, strict=True):
                _check_values(name, each, of)
        case bool():
            if not isinstance(value, bool):
                raise ValueError(f"{name} is neither true nor false")
        case int():
            if type(value) is not int or value < 0:
                raise ValueError(f"{name} is no count")
        case _:
            if type(value) not in (int, float, type(like), type(None)):
                raise ValueError(f"{name} is no number")
