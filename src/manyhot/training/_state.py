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


def load_parts(parts: Mapping[str, Remembering], state: State, where: str) -> None:
    """Puts the parts, made by the same experiment, and torch's random numbers where they were. Raises StorageError
    naming `where` if the state is not of such parts."""
    try:
        fresh = state_of(parts)[1]
        for name, array in state[1].items():
            like = fresh.get(name)
            if like is None or not like.flags.writeable:
                continue  # its size is not known before
            if (array.shape, array.dtype) != (like.shape, like.dtype):
                raise ValueError(f"{name} is {array.dtype} {array.shape} instead of {like.dtype} {like.shape}")
        for name, of in parts.items():
            of.load_state(*part(state, name))
        torch.set_rng_state(torch.tensor(state[1]["random.torch"]))
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError) as error:
        raise StorageError(
            f"{where}: the checkpoint is not one of this training ({error}); move it away and train anew"
        ) from None
