"""Fields that attend to each other, head by head and field by field."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from head_terms import affine, assert_term, normalised
from nn_oracle import numbers
from torch import nn

from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig, SelfAttention


def attended(layer, fields: np.ndarray, options: SelfAttention) -> np.ndarray:
    """One layer: (F, inputs) to (F, heads * units)."""
    size = options.heads * options.units
    query, key, value = numbers(layer.queries_keys_values.weight).reshape(3, options.heads, options.units, -1)
    out = np.zeros((len(fields), size))
    for m, x in enumerate(fields):
        heads = []
        for h in range(options.heads):
            products = np.array([(query[h] @ x) @ (key[h] @ other) for other in fields])
            exponents = np.exp(products / np.sqrt(options.units) if options.scale else products)
            heads += list(
                sum(e / exponents.sum() * (value[h] @ other) for e, other in zip(exponents, fields, strict=True))
            )
        y = np.array(heads) + (x if len(x) == size else affine(layer.residual, x))
        out[m] = np.maximum(normalised(layer.norm, y) if options.layer_norm else y, 0)
    return out


@pytest.mark.parametrize(
    "options",
    [
        SelfAttention(heads=2, units=3, layers=1),
        SelfAttention(heads=1, units=4, layers=3, scale=True),  # the residual is the input itself
        SelfAttention(heads=2, units=3, scale=True, layer_norm=True),
    ],
    ids=["paper", "same size", "scaled and normed"],
)
def test_fields_attend_to_each_other(options):
    def term(head, pooled):
        assert len(head.layers) == options.layers
        for layer in head.layers:
            pooled = attended(layer, pooled, options)
        return affine(head.last, pooled.reshape(-1)).item()

    assert_term(ModelConfig(heads=("self_attention",), embedding_dim=4, self_attention=options), term)


def test_dropout_is_of_attention_and_in_training_only():
    config = ModelConfig(heads=("self_attention",), dropout=0.5, embedding_dim=4)
    model, batch = oracle.model_of(config), oracle.batch_of(oracle.random_rows(seed=4, count=30))
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert torch.equal(model(batch), model(batch))
        model.train()
        assert not torch.equal(model(batch), model(batch))


@pytest.mark.parametrize("option", [{"layers": 0}, {"heads": 0}, {"units": -1}])
def test_counts_below_one_are_refused(option):
    ((key, value),) = option.items()
    with pytest.raises(ConfigError, match=f"selfattention: {key} = {value} must be at least 1"):
        SelfAttention(**option)
