"""Heads whose MLPs compute in bfloat16 while training give nearly what they give in float32."""

from __future__ import annotations

import nn_oracle as oracle
import pytest
import torch

from manyhot.schema import Cross, ModelConfig, Streams, WukongLayers

UNITS = {"embedding_dim": 4, "hidden_units": (16, 8)}
CONFIGS = {
    "cross2": ModelConfig(heads=("cross2",), cross=Cross(layers=2, structure="stacked"), **UNITS),
    "bilinear": ModelConfig(heads=("bilinear",), **UNITS),
    "mask_blocks": ModelConfig(heads=("mask_blocks",), **UNITS),
    "two_streams": ModelConfig(heads=("two_streams",), streams=Streams(heads=2, gate_fields=("city",)), **UNITS),
    "gates without layers": ModelConfig(heads=("two_streams",), streams=Streams(gate_units=()), **UNITS),
    "wukong": ModelConfig(heads=("wukong",), wukong=WukongLayers(fm_units=()), **UNITS),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_bfloat16_is_near_float32_and_differs(config):
    model, batch = oracle.model_of(config).train(), oracle.batch_of(oracle.random_rows(seed=3, count=20))
    logits, gradients = [], []
    for bfloat16 in (False, True):
        model.deep_in_bfloat16 = bfloat16
        model.zero_grad()
        logits.append(model(batch))
        logits[-1].square().mean().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    tolerance = 0.03 * logits[0].abs().max().item()
    torch.testing.assert_close(*logits, rtol=0.03, atol=tolerance)
    assert not torch.equal(*logits)
    for single, half in zip(*gradients, strict=True):
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, single, rtol=0.1, atol=0.1 * single.abs().max().item())
