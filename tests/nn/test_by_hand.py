"""Loss and gradients by hand against autograd on the model's definition."""

from __future__ import annotations

from dataclasses import replace

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from loss_oracle import LOSSES

from manyhot.kernels import Batch
from manyhot.nn import Model, batch_loss, has_gradients_by_hand, loss_by_hand
from manyhot.schema import FM, LR, DeepFM, Loss, ModelConfig, TableOptimizer, WideDeep

DEEP = {"embedding_dim": 6, "hidden_units": (9, 5)}
MODELS: dict[str, ModelConfig] = {
    "lr": LR(),
    "fm": FM(embedding_dim=6),
    "widedeep": WideDeep(**DEEP),
    "deepfm": DeepFM(**DEEP),
    "one hidden layer": DeepFM(embedding_dim=3, hidden_units=(4,)),
    "head biases": DeepFM(**DEEP, head_biases=True),
    "pairs of fields": DeepFM(**DEEP, pairs="fields"),
    "deep alone": ModelConfig(heads=("deep",), **DEEP),
}


BCE = LOSSES["bce"]


def by_autograd(model: Model, batch: Batch, loss: Loss = BCE, shift: float = 0.0) -> float:
    value = batch_loss(model(batch), batch, loss, shift)
    value.backward()
    return value.item()


def by_hand(model: Model, batch: Batch, loss: Loss = BCE, shift: float = 0.0) -> float:
    value, backward = loss_by_hand(model, batch, loss, shift)
    backward()
    return value


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimizer", [None, TableOptimizer(optimizer="adagrad", learning_rate=0.3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_gradients_and_moved_tables_are_autograds(
    name: str, optimizer: TableOptimizer | None, weighted: bool
) -> None:
    batch = oracle.batch_of(oracle.random_rows(3, 40))
    if weighted:
        weights = np.random.default_rng(4).integers(0, 4, len(batch.labels)).astype(np.float32)
        batch = replace(batch, example_weights=weights)
    models = [oracle.model_of(MODELS[name], optimizer=optimizer).train() for _ in range(2)]
    assert all(has_gradients_by_hand(model) for model in models)
    before = models[0].tables.data.copy()
    for _ in range(2):  # the second time over gradients that are there
        for model in models:
            model.zero_grad(set_to_none=model is models[0])
        losses = by_autograd(models[0], batch), by_hand(models[1], batch)
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)
        names = [key for key, _ in models[0].named_parameters()]
        for key, left, right in zip(names, *(model.parameters() for model in models), strict=True):
            torch.testing.assert_close(right.grad, left.grad, rtol=1e-5, atol=1e-6, msg=key)
        if optimizer is None:
            for ours, theirs in zip(models[1].tables.row_gradients, models[0].tables.row_gradients, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_allclose(models[1].tables.data, models[0].tables.data, rtol=1e-4, atol=1e-5)
    assert optimizer is None or not np.array_equal(before, models[1].tables.data)


@pytest.mark.parametrize("name", LOSSES)
def test_so_they_are_with_every_loss(name: str) -> None:
    batch = oracle.batch_of(oracle.random_rows(3, 40))
    batch = replace(batch, groups=(np.arange(len(batch.labels)) % 7).astype(np.uint64))
    models = [oracle.model_of(MODELS["deepfm"]).train() for _ in range(2)]
    left, right = by_autograd(models[0], batch, LOSSES[name], 0.4), by_hand(models[1], batch, LOSSES[name], 0.4)
    assert left == pytest.approx(right, rel=1e-6)
    for ours, theirs in zip(models[1].parameters(), models[0].parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(models[1].tables.row_gradients, models[0].tables.row_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("option", [{"dropout": 0.1}, {"batch_norm": True}])
def test_dropout_and_batch_norm_are_autograds_matter(option: dict[str, object]) -> None:
    assert not has_gradients_by_hand(oracle.model_of(DeepFM(**DEEP, **option)))


def test_so_is_bfloat16() -> None:
    model = oracle.model_of(DeepFM(**DEEP))
    model.deep_in_bfloat16 = True
    assert not has_gradients_by_hand(model)


def test_nothing_moves_before_it_is_told_to() -> None:
    model = oracle.model_of(DeepFM(**DEEP), optimizer=TableOptimizer()).train()
    before = model.tables.data.copy()
    loss_by_hand(model, oracle.batch_of(oracle.random_rows(3, 40)))
    assert np.array_equal(before, model.tables.data)
    assert all(parameter.grad is None for parameter in model.parameters())
