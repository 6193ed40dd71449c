"""Clipping by the norm of all gradients of a batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from clicks import bits, train

import manyhot as mh
from manyhot.training._clipping import clip


def gradients(seed: int) -> tuple[list[torch.Tensor], np.ndarray]:
    rng = np.random.default_rng(seed)
    parameters = [torch.zeros(shape, requires_grad=True) for shape in ((3, 4), (5,), (), (2,))]
    for parameter in parameters[:-1]:  # the last has none
        parameter.grad = torch.tensor(rng.normal(0, 1, tuple(parameter.shape)), dtype=torch.float32)
    return parameters, rng.normal(0, 1, (7, 3)).astype(np.float32)


@pytest.mark.parametrize("largest", [0.01, 1.0, 3.0])
def test_all_are_scaled_by_one_factor(largest: float) -> None:
    parameters, rows = gradients(1)
    before = [p.grad.clone() for p in parameters[:-1]]
    norm = math.sqrt(sum(float(x) ** 2 for g in [*before, rows] for x in np.asarray(g).reshape(-1)))
    assert norm > 3
    factor = clip(parameters, rows, largest)
    assert factor == pytest.approx(largest / norm, rel=1e-12)
    for parameter, old in zip(parameters, before, strict=False):
        np.testing.assert_allclose(parameter.grad, old * factor, rtol=1e-6)
    assert parameters[-1].grad is None


def test_a_small_norm_is_left_alone_and_a_large_one_does_not_overflow() -> None:
    parameters, rows = gradients(2)
    before = [p.grad.clone() for p in parameters[:-1]]
    assert clip(parameters, rows, 100.0) == 1.0
    assert all(torch.equal(p.grad, old) for p, old in zip(parameters, before, strict=False))
    assert clip([], np.full((2, 2), 1e30, np.float32), 1.0) == pytest.approx(5e-31)
    assert math.isnan(clip([], np.full((1, 1), np.inf, np.float32), 1.0))
    assert math.isnan(clip([], np.full((1, 1), np.nan, np.float32), 1.0))


@pytest.mark.parametrize("model", ["fm", "deepfm"])
def test_a_norm_that_is_never_reached_changes_no_bit(model: str) -> None:
    """The first is learned by hand, the second by autograd."""
    assert bits(train(model, clip_norm=1e6)[0]) == bits(train(model)[0])


@pytest.mark.parametrize("kernels", ["native", "reference"])
def test_with_plain_descent_a_step_is_as_long_as_the_norm(kernels: str) -> None:
    options = {
        "tables": mh.TableOptimizer(optimizer="sgd", learning_rate=1.0),
        "dense": mh.DenseOptimizer(optimizer="sgd", learning_rate=1.0),
        "batch_size": 300,
        "epochs": 1,
        "kernels": kernels,
    }
    model = mh.FM(embedding_dim=4, embedding_scale=0.3)
    unmoved, free, clipped = (
        train(model, **{**options, **changes})[0].saved.network
        for changes in (
            {
                "tables": mh.TableOptimizer(optimizer="sgd", learning_rate=1e-30),
                "dense": mh.DenseOptimizer(optimizer="sgd", learning_rate=1e-30),
            },
            {},
            {"clip_norm": 0.03},
        )
    )

    def step(network: object) -> np.ndarray:
        parts = [network.tables.weights() - unmoved.tables.weights()]
        parts += [(a - b).detach().numpy() for a, b in zip(network.parameters(), unmoved.parameters(), strict=True)]
        return np.concatenate([part.reshape(-1) for part in parts]).astype(float)

    assert np.linalg.norm(step(free)) > 0.06
    assert np.linalg.norm(step(clipped)) == pytest.approx(0.03, rel=1e-4)
    scaled = step(free) * 0.03 / np.linalg.norm(step(free))
    np.testing.assert_allclose(step(clipped), scaled, atol=1e-6)


def test_clipped_tables_have_the_same_bits_on_any_threads() -> None:
    runs = [train("lr", clip_norm=0.05, threads=threads)[0] for threads in (1, 2)]
    assert runs[0].saved.network.tables.data.tobytes() == runs[1].saved.network.tables.data.tobytes()
