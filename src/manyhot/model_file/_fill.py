"""From the tensors of a file to a network: sizes are compared first, memory is taken then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from manyhot.data import TableLayout
from manyhot.kernels import Kernels
from manyhot.nn import BuildHead, Model, RowNumbers, build_model, check_dense_size, not_finite
from manyhot.schema import ModelConfig

__all__ = ["filled_network", "tensors_of", "under"]

Tensors = Mapping[str, npt.NDArray[Any]]


def tensors_of(network: Model) -> dict[str, npt.NDArray[Any]]:
    """What `filled_network` makes it from again."""
    tables, tensors = network.tables, {}
    for name in tables.layout.ranges:
        tensors[f"table.{name}.latent"] = np.ascontiguousarray(tables.latent(name))
        tensors[f"table.{name}.linear"] = np.ascontiguousarray(tables.linear(name))
    return tensors | {f"dense.{name}": value.numpy() for name, value in network.state_dict().items()}


def filled_network(
    config: ModelConfig,
    layout: TableLayout,
    kernels: Kernels,
    tensors: Tensors,
    *,
    num_labels: int,
    heads: Mapping[str, BuildHead],
) -> tuple[Model, RowNumbers]:
    """The network of a configuration with the weights of a file, and what a row takes in it. Raises ValueError,
    KeyError or ConfigError where they are not of one size, or a row takes too much: before memory is taken that the
    file does not fill, custom heads left out."""
    dim = config.latent_size(layout.num_fields)
    for name, (start, stop) in layout.ranges.items():
        _check(f"table.{name}.latent", tensors, (stop - start, dim))
        _check(f"table.{name}.linear", tensors, (stop - start,))
    wrong = not_finite({n: tensor for n, tensor in tensors.items() if n.startswith(("table.", "dense."))})
    if wrong is not None:
        raise ValueError(wrong)
    dense = {name: torch.from_numpy(tensor) for name, tensor in under("dense.", tensors).items()}
    numbers = sum(tensor.numel() for tensor in dense.values())
    needed = check_dense_size(config, layout, num_labels, most_tensors=len(dense), most_numbers=numbers)
    # Fresh weights are not needed: drawing them would take longer than all the rest.
    unset = msgspec.structs.replace(config, initializer="zeros", embedding_scale=0.01, linear_scale=0.0)
    network = build_model(unset, layout, kernels, num_labels=num_labels, heads=heads)
    for name in layout.ranges:
        network.tables.latent(name)[...] = tensors[f"table.{name}.latent"]
        network.tables.linear(name)[...] = tensors[f"table.{name}.linear"]
    found, wanted = ({name: _described(t) for name, t in d.items()} for d in (dense, network.state_dict()))
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            raise ValueError(f"{name} is {found.get(name, 'absent')} instead of {wanted.get(name, 'absent')}")
    network.load_state_dict(dense)
    return network, needed


def under(prefix: str, tensors: Tensors) -> dict[str, npt.NDArray[Any]]:
    """The tensors of this prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _check(name: str, tensors: Tensors, shape: tuple[int, ...]) -> None:
    tensor = tensors[name]
    if tensor.shape != shape or tensor.dtype != np.float32:
        raise ValueError(f"{name} is {tensor.dtype} {tensor.shape} instead of float32 {shape}")


def _described(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
