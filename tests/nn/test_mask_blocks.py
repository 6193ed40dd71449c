"""Blocks masked by the example, side by side and one after the other."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
from head_terms import affine, assert_term, normalised, relu_layers
from nn_oracle import numbers
from torch import nn

from manyhot.errors import ConfigError
from manyhot.schema import MaskBlocks, ModelConfig


def block_of(block, example: np.ndarray, x: np.ndarray, reduction: int) -> np.ndarray:
    hidden, _, mask = block.mask
    assert hidden.out_features == reduction * len(x)
    masked = affine(mask, np.maximum(affine(hidden, example), 0)) * x
    return np.maximum(normalised(block.norm, numbers(block.weight.weight) @ masked), 0)


def fields_normed(norm, pooled: np.ndarray) -> np.ndarray:
    out = np.zeros_like(pooled)
    for f, x in enumerate(pooled):
        deviation = np.sqrt(((x - x.mean()) ** 2).mean() + 1e-5)
        out[f] = (x - x.mean()) / deviation * numbers(norm.scale)[f] + numbers(norm.shift)[f]
    return out


@pytest.mark.parametrize("field_norm", [True, False])
@pytest.mark.parametrize("structure", ["parallel", "serial"])
@pytest.mark.parametrize("hidden_units", [(), (5,)])
def test_blocks_mask_what_they_read(structure, field_norm, hidden_units):
    options = MaskBlocks(structure=structure, blocks=3, units=7, reduction=2, field_norm=field_norm)

    def term(head, pooled):
        example, fields = pooled.reshape(-1), fields_normed(head.norm, pooled) if field_norm else pooled
        x = fields.reshape(-1)
        assert len(head.blocks) == options.blocks
        if structure == "serial":
            for block in head.blocks:
                x = block_of(block, example, x, options.reduction)
        else:
            x = np.concatenate([block_of(block, example, x, options.reduction) for block in head.blocks])
        return relu_layers(head.mlp, x).item()

    config = ModelConfig(heads=("mask_blocks",), embedding_dim=3, hidden_units=hidden_units, mask_blocks=options)
    assert_term(config, term, "norm.bias")


def test_dropout_is_in_blocks_too():
    model = oracle.model_of(ModelConfig(name="masknet", dropout=0.25, hidden_units=(5,)))
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.25] * 4


@pytest.mark.parametrize("option", [{"blocks": 0}, {"units": 0}, {"reduction": 0}])
def test_counts_below_one_are_refused(option):
    ((key, value),) = option.items()
    with pytest.raises(ConfigError, match=f"maskblocks: {key} = {value} must be at least 1"):
        MaskBlocks(**option)
