"""Optimizers of the dense part against the rules on single numbers (SEMANTICS section 3)."""

from __future__ import annotations

import numpy as np
import pytest
import rule_oracle
import torch

from manyhot.schema import DenseOptimizer
from manyhot.training import dense_optimizer


@pytest.mark.parametrize("start", [0.1, 3.0])
@pytest.mark.parametrize("name", rule_oracle.ELEMENTWISE)
def test_every_number_of_every_parameter_moves_by_the_rule(name, start):
    options = dict(rule_oracle.OPTIONS[name])
    if name in ("adagrad", "proximal_adagrad", "ftrl"):
        options["initial_accumulator"] = start
    config = DenseOptimizer(optimizer=name, learning_rate=0.05, **options)
    rng = np.random.default_rng(3)
    shapes: list[tuple[int, ...]] = [(4, 3), (3,), ()]
    parameters = [torch.tensor(rng.normal(0, 1, shape), dtype=torch.float32).requires_grad_() for shape in shapes]
    optimizer = dense_optimizer(config, parameters)
    states = [[rule_oracle.start(config, w) for w in p.detach().double().reshape(-1).tolist()] for p in parameters]
    for step in range(1, 7):
        for parameter, numbers in zip(parameters, states, strict=True):
            g = rng.normal(0, 1, tuple(parameter.shape)).astype(np.float32)
            parameter.grad = torch.tensor(g)
            numbers[:] = [
                rule_oracle.step(config, step, *number, float(slope))
                for number, slope in zip(numbers, g.reshape(-1), strict=True)
            ]
        optimizer.step()
        for parameter, numbers in zip(parameters, states, strict=True):
            expected = [w for w, *_ in numbers]
            np.testing.assert_allclose(parameter.detach().reshape(-1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", rule_oracle.ELEMENTWISE)
def test_a_parameter_without_gradient_stays(name):
    parameters = [torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)]
    optimizer = dense_optimizer(DenseOptimizer(optimizer=name), parameters)
    parameters[0].grad = torch.ones(3)
    optimizer.step()
    assert (parameters[0] < 1).all()
    assert (parameters[1] == 1).all()


def test_l1_makes_exact_zeros():
    """The reason to have proximal rules at all."""
    for name in ("proximal_adagrad", "ftrl"):
        w = torch.full((1,), 0.01, requires_grad=True)
        optimizer = dense_optimizer(DenseOptimizer(optimizer=name, learning_rate=0.1, l1=5.0), [w])
        w.grad = torch.full((1,), 0.5)
        optimizer.step()
        assert w.item() == 0, name


@pytest.mark.parametrize("options", [{}, {"l2": 0.01}], ids=["plain", "l2"])
@pytest.mark.parametrize("name", list(DenseOptimizer.keys()))
def test_every_named_optimizer_fits_a_line(name, options):
    """Least squares on 3 numbers: the loss falls to a fraction."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(0, 1, (50, 3)), dtype=torch.float32)
    y = x @ torch.tensor([1.0, -2.0, 0.5])
    w = torch.zeros(3, requires_grad=True)
    config = DenseOptimizer(
        optimizer=name, learning_rate=0.3 if name in ("ftrl", "adagrad", "proximal_adagrad") else 0.05, **options
    )
    optimizer = dense_optimizer(config, [w])
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


TORCH = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, {}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9, "momentum": 0.5}, {}),
    "adamax": (torch.optim.Adamax, {"beta1": 0.8}, {"betas": (0.8, 0.999)}),
    "nadam": (torch.optim.NAdam, {"beta2": 0.95}, {"betas": (0.9, 0.95)}),
    "radam": (torch.optim.RAdam, {"epsilon": 1e-4}, {"eps": 1e-4}),
    "adam": (torch.optim.Adam, {}, {}),
}


@pytest.mark.parametrize("name", TORCH)
def test_torchs_own_with_l2_as_its_weight_decay(name):
    kind, ours, theirs = TORCH[name]
    config = DenseOptimizer(optimizer=name, learning_rate=0.05, l2=0.1, **ours)
    one, other = (torch.linspace(-1, 1, 5).requires_grad_() for _ in range(2))
    moves = dense_optimizer(config, [one]), kind([other], 0.05, weight_decay=0.1, **(theirs or ours))
    for step in range(8):
        for w, optimizer in zip((one, other), moves, strict=True):
            w.grad = torch.linspace(-1, 2, 5) * (-1) ** step
            optimizer.step()
    np.testing.assert_allclose(one.detach(), other.detach(), rtol=0, atol=1e-6)
    assert not torch.equal(one, torch.linspace(-1, 1, 5))
