"""What tests of single heads share: a model of one head against a term written as loops over pooled, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn_oracle as oracle
import numpy as np
import torch
from nn_oracle import FIELDS, Row, Weights, combined, numbers
from torch import nn

from manyhot.nn import Model
from manyhot.schema import ModelConfig

Pooled = np.ndarray  # float64 (F, D)


def pooled(weights: Weights, row: Row) -> Pooled:
    dim = next(iter(weights.latent.values())).shape[1]
    result = np.zeros((len(FIELDS), dim))
    for f, field in enumerate(FIELDS):
        for i, x in combined(field, row[field.name]):
            result[f] += x * weights.latent[field.vocabulary_name][i]
    return result


def assert_term(config: ModelConfig, term: Callable[[Any, Pooled], float], positive: str = "") -> None:
    """term: from the head and pooled to the number it adds; compared on either kernels, rows of 0 to 4 pairs a bag.

    positive: a part of the names of parameters that are made so, where random ones would let no ReLU pass.
    """
    (name,) = config.heads or ()
    rows = oracle.random_rows(seed=7, count=9)
    for kernels in ("native", "reference"):
        model = oracle.model_of(config, kernels=kernels)
        for parameter in (p for name, p in model.named_parameters() if positive and positive in name):
            parameter.data.abs_()
        weights = Weights.of(model)
        expected = [term(model.heads[name], pooled(weights, row)) + float(numbers(model.bias)) for row in rows]
        with torch.no_grad():
            logits = model(oracle.batch_of(rows, kernels=kernels))
        assert (logits.shape, logits.dtype) == ((len(rows),), torch.float32)
        assert np.std(expected) > 0.05  # or the loops would say nothing
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    assert_all_is_learned(model)


def assert_all_is_learned(model: Model) -> None:
    """Every parameter, and every row that is not empty, has a gradient."""
    batch = oracle.batch_of(oracle.random_rows(seed=8, count=30), kernels="reference")
    model(batch).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert model.tables.row_gradients is not None
    assert np.abs(model.tables.row_gradients[1][:, : model.tables.dim]).sum(1).min() > 0


def affine(layer: nn.Module, x: np.ndarray) -> np.ndarray:
    """A Linear, output by output."""
    assert isinstance(layer, nn.Linear)
    rows = numbers(layer.weight)
    return np.array([sum(w * v for w, v in zip(row, x, strict=True)) for row in rows]) + numbers(layer.bias)


def normalised(layer: nn.Module, x: np.ndarray) -> np.ndarray:
    """A LayerNorm over all of x."""
    assert isinstance(layer, nn.LayerNorm)
    variance = ((x - x.mean()) ** 2).mean()
    return (x - x.mean()) / np.sqrt(variance + layer.eps) * numbers(layer.weight) + numbers(layer.bias)


def relu_layers(layers: nn.Sequential, x: np.ndarray) -> np.ndarray:
    """An MLP of Linear and ReLU, ReLU behind every Linear but one that ends it."""
    linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
    assert len(layers) in (2 * len(linears), max(0, 2 * len(linears) - 1))
    for k, layer in enumerate(linears):
        x = affine(layer, x)
        if 2 * k + 1 < len(layers):
            x = np.maximum(x, 0)
    return x
