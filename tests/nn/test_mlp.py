"""The MLP of fused layers against torch's own modules, one after the other, in both number types."""

from __future__ import annotations

import copy

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from manyhot.nn import MLP
from manyhot.schema import FM, DeepFM, TableOptimizer

SHAPES = {
    "standard": {"layer_order": "standard", "batch_norm": True, "dropout": 0.3},
    "article": {"layer_order": "article", "batch_norm": True, "dropout": 0.3},
    "plain": {"layer_order": "standard", "batch_norm": False, "dropout": 0.0},
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def mlp(shape: dict[str, object]) -> nn.Sequential:
    torch.manual_seed(0)
    return MLP(12, (9, 7), **shape)


def passed(layers: nn.Sequential, x: Tensor, *, fused: bool) -> list[Tensor]:
    """Output, gradient of the input, gradients of the parameters in their order."""
    layers, x = copy.deepcopy(layers), x.clone().requires_grad_()
    torch.manual_seed(1)  # dropout
    y = layers(x) if fused else nn.Sequential(*layers)(x)
    (y.float() * torch.linspace(-1, 2, y.numel()).view_as(y)).sum().backward()
    return [y, x.grad, *(parameter.grad for parameter in layers.parameters())]


@every_shape
@pytest.mark.parametrize("training", [True, False])
def test_float32_is_what_torchs_modules_compute(shape, training):
    layers, x = mlp(shape).train(training), torch.randn(33, 12)
    for ours, theirs in zip(passed(layers, x, fused=True), passed(layers, x, fused=False), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@every_shape
def test_bfloat16_is_what_torchs_autocast_computes(shape):
    """To the rounding of bfloat16, whose last digit is 2^-8 of a number; gradients of parameters are float32."""
    layers, x = mlp(shape), torch.randn(33, 12).bfloat16()
    ours = passed(layers, x, fused=True)
    with torch.autocast("cpu", torch.bfloat16):
        theirs = passed(layers, x, fused=False)
    assert [t.dtype for t in ours] == [torch.float32, torch.bfloat16] + [torch.float32] * (len(ours) - 2)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.float(), other.float(), rtol=0.05, atol=0.02 * other.abs().max().item())


def loss_of(model: nn.Module, batch: object) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(model(batch), torch.from_numpy(batch.labels))


@pytest.mark.parametrize("kernels", ["native", "reference"])
@pytest.mark.parametrize("pairs", ["features", "fields"])
def test_a_model_in_bfloat16_is_near_the_one_in_float32(kernels, pairs):
    """Logits, dense gradients and rows after a step; and they do differ, or bfloat16 was not on."""
    config = DeepFM(embedding_dim=4, hidden_units=(16, 8), pairs=pairs, embedding_scale=0.5)
    batch = oracle.batch_of(oracle.random_rows(seed=3, count=40), kernels=kernels)
    models = [oracle.model_of(config, kernels=kernels, optimizer=TableOptimizer()) for _ in range(2)]
    for model in models:
        model.train()
    models[1].deep_in_bfloat16 = True
    logits = [model(batch) for model in models]
    torch.testing.assert_close(*logits, rtol=0.02, atol=0.02)
    assert not torch.equal(*logits)
    for model in models:
        loss_of(model, batch).backward()
    single, half = ([p.grad for p in model.parameters()] for model in models)
    for one, other in zip(single, half, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.03 * one.abs().max().item())
    rows = [model.tables.weights() for model in models]
    np.testing.assert_allclose(*rows, rtol=0.05, atol=2e-2)


def test_evaluation_is_in_float32_whatever_training_is_in():
    batch = oracle.batch_of(oracle.random_rows(seed=3, count=9))
    model = oracle.model_of(DeepFM(embedding_dim=4, hidden_units=(8,)))
    model.eval()
    before = model(batch)
    model.deep_in_bfloat16 = True
    assert torch.equal(model(batch), before)


def test_models_without_a_deep_head_have_nothing_in_bfloat16():
    batch = oracle.batch_of(oracle.random_rows(seed=3, count=9))
    model = oracle.model_of(FM(embedding_dim=4)).train()
    before = model(batch)
    model.deep_in_bfloat16 = True
    assert torch.equal(model(batch), before)
