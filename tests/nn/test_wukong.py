"""Stacked factorization machines, pair by pair of fields."""

from __future__ import annotations

import numpy as np
import pytest
from head_terms import affine, assert_term, normalised, relu_layers
from nn_oracle import numbers

from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig, WukongLayers


def layer_of(layer, fields: np.ndarray, options: WukongLayers) -> np.ndarray:
    num, dim = fields.shape
    y = numbers(layer.pairs)
    products = np.zeros((num, options.rank))
    for i in range(num):
        for k in range(options.rank):
            for j in range(num):
                products[i, k] += (fields[i] @ fields[j]) * y[j, k]
    mixed = affine(layer.fm, relu_layers(layer.mlp, normalised(layer.pairs_norm, products.reshape(-1))))
    new = [*mixed.reshape(options.fm_fields, dim)]
    for row in numbers(layer.linear.weight):
        new.append(sum(w * field for w, field in zip(row, fields, strict=True)))
    if len(new) == num:
        residual = fields
    else:
        residual = [sum(w * x for w, x in zip(row, fields, strict=True)) for row in numbers(layer.residual.weight)]
    return np.array([normalised(layer.norm, field + rest) for field, rest in zip(new, residual, strict=True)])


@pytest.mark.parametrize(
    "options",
    [
        WukongLayers(layers=1, fm_fields=1, linear_fields=3, rank=2, fm_units=(5,)),  # four fields stay four
        WukongLayers(layers=2, fm_fields=3, linear_fields=2, rank=3, fm_units=()),
    ],
    ids=["same number", "another number"],
)
def test_layers_are_pairs_and_sums_of_fields(options):
    def term(head, pooled):
        assert len(head.layers) == options.layers
        for layer in head.layers:
            pooled = layer_of(layer, pooled, options)
        return relu_layers(head.mlp, pooled.reshape(-1)).item()

    assert_term(ModelConfig(name="wukong", embedding_dim=3, hidden_units=(5,), wukong=options), term, "mlp")


@pytest.mark.parametrize("option", [{"layers": 0}, {"fm_fields": 0}, {"linear_fields": 0}, {"rank": 0}])
def test_counts_below_one_are_refused(option):
    ((key, value),) = option.items()
    with pytest.raises(ConfigError, match=f"wukonglayers: {key} = {value} must be at least 1"):
        WukongLayers(**option)
