"""Losses and their gradients by the logits against loops in float64; what weights, shifts and pairs mean."""

from __future__ import annotations

import itertools
import math

import loss_oracle as oracle
import numpy as np
import pytest
import torch
from loss_oracle import LOSSES, batch_of, random_batch

from manyhot.nn import _pairs, batch_loss, has_pairs, logit_shift, loss_gradient
from manyhot.schema import Loss


def logits_of(size: int, seed: int = 1, scale: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, size).astype(np.float32)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1.7])
def test_a_loss_and_its_gradient_are_those_of_the_loops(name: str, weighted: bool, shift: float) -> None:
    batch, loss = random_batch(2, weighted=weighted), LOSSES[name]
    logits = logits_of(len(batch.labels))
    expected, slopes = oracle.mean_loss(logits, batch, loss, shift), oracle.gradient(logits, batch, loss, shift)
    leaf = torch.from_numpy(logits.copy()).requires_grad_()
    by_autograd = batch_loss(leaf, batch, loss, shift)
    assert by_autograd.item() == pytest.approx(expected, rel=1e-5)
    (3 * by_autograd).backward()
    assert leaf.grad is not None
    np.testing.assert_allclose(leaf.grad.numpy() / 3, slopes, rtol=1e-4, atol=1e-7)
    value, gradient = loss_gradient(torch.from_numpy(logits), batch, loss, shift)
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient.numpy(), slopes, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_weight_of_2_is_the_row_twice_and_a_weight_of_0_none(name: str) -> None:
    """Pairs too: a pair of weights 2 and 3 is six pairs."""
    plain, loss = random_batch(3, weighted=False), LOSSES[name]
    times = np.random.default_rng(5).integers(0, 4, len(plain.labels))
    logits = logits_of(len(plain.labels))
    rows = np.repeat(np.arange(len(times)), times)
    weighted = batch_of(plain.labels.tolist(), times.tolist(), plain.groups.tolist())
    repeated = batch_of(plain.labels[rows].tolist(), None, plain.groups[rows].tolist())
    one, slopes = loss_gradient(torch.from_numpy(logits), weighted, loss, 0.5)
    other, parts = loss_gradient(torch.from_numpy(logits[rows]), repeated, loss, 0.5)
    assert one == pytest.approx(other, rel=1e-6)
    np.testing.assert_allclose(slopes.numpy(), np.bincount(rows, parts.numpy(), len(times)), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_logits_far_out_give_finite_losses_and_gradients(name: str) -> None:
    batch = batch_of([1, 0, 1, 0], None, [1, 1, 1, 1])
    for logits in ([200.0, -200.0, -200.0, 200.0], [3e38, -3e38, 0.0, 0.0]):
        value, gradient = loss_gradient(torch.tensor(logits), batch, LOSSES[name])
        assert torch.isfinite(gradient).all()
        assert math.isfinite(value) or max(logits) > 1e38


def test_focal_without_gamma_and_alpha_is_cross_entropy() -> None:
    batch = random_batch(4)
    logits = torch.from_numpy(logits_of(len(batch.labels)))
    focal, bce = (batch_loss(logits, batch, loss).item() for loss in (Loss(kind="focal", gamma=0.0), Loss()))
    assert focal == pytest.approx(bce, rel=1e-6)


def test_focal_makes_easy_examples_count_less() -> None:
    """At p_t = 0.9 and gamma 2 a hundredth of cross-entropy (Lin et al. 2017, section 3.2)."""
    logits = torch.tensor([math.log(9.0)])
    focal, bce = (batch_loss(logits, batch_of([1]), loss).item() for loss in (Loss(kind="focal"), Loss()))
    assert focal / bce == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize(
    "loss", [Loss(), Loss(kind="bpr", bpr_weight=1.0), Loss(kind="bpr")], ids=["bce", "bpr", "mix"]
)
@pytest.mark.parametrize("keep", [1.0, 0.2])
def test_the_logits_of_the_data_are_where_the_expected_gradient_is_0(loss: Loss, keep: float) -> None:
    """Over all 2^4 labels of a group of four, each with its chance in what is trained on: with negatives kept at a
    rate r the odds are 1/r times as large. So the model's own logits need no correction, with pairs or without."""
    logits = np.array([-2.0, 0.3, -0.7, 1.1], np.float32)
    odds = np.exp(logits.astype(np.float64)) / keep
    chances = odds / (1 + odds)
    expected, slope_without_shift = np.zeros(4), 0.0
    for labels in itertools.product([0, 1], repeat=4):
        chance = float(np.prod([p if y else 1 - p for p, y in zip(chances, labels, strict=True)]))
        batch = batch_of(list(labels), None, [1, 1, 1, 1])
        expected += chance * loss_gradient(torch.from_numpy(logits), batch, loss, logit_shift(loss, keep))[1].numpy()
        slope_without_shift += chance * loss_gradient(torch.from_numpy(logits), batch, loss)[1].abs().max().item()
    np.testing.assert_allclose(expected, 0, atol=1e-7)
    assert slope_without_shift > 0.01  # single draws do pull


@pytest.mark.parametrize("weight", [4.0, 0.3])
def test_a_positive_weight_leaves_the_logits_of_the_data_where_it_is_calibrated(weight: float) -> None:
    logits = torch.tensor([-1.2, 0.4])
    rates = torch.sigmoid(logits)
    for calibrated, optimum in ((True, logits), (False, logits + math.log(weight))):
        loss = Loss(positive_weight=weight, calibrated=calibrated)
        slopes = [
            loss_gradient(optimum, batch_of([y, y]), loss, logit_shift(loss))[1] * (rates if y else 1 - rates)
            for y in (0, 1)
        ]
        assert slopes[0].abs().min() > 0.01
        torch.testing.assert_close(sum(slopes), torch.zeros(2), atol=1e-6, rtol=0)


def test_shifts_add_up() -> None:
    assert logit_shift(Loss()) == 0
    assert logit_shift(Loss(), 0.1) == pytest.approx(math.log(10))
    assert logit_shift(Loss(positive_weight=3.0), 0.5) == pytest.approx(math.log(6))
    assert logit_shift(Loss(positive_weight=3.0, calibrated=False), 0.5) == pytest.approx(math.log(2))


def test_pairs_taken_some_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, loss = random_batch(6, 60), Loss(kind="bpr", bpr_weight=1.0)
    logits = torch.from_numpy(logits_of(60))
    whole = loss_gradient(logits, batch, loss)
    for most in (1, 3, 17):
        monkeypatch.setattr(_pairs, "_PAIRS_AT_A_TIME", most)
        value, gradient = loss_gradient(logits, batch, loss)
        assert value == pytest.approx(whole[0], rel=1e-6)
        torch.testing.assert_close(gradient, whole[1], rtol=1e-5, atol=1e-8)


def test_pairs_need_both_labels_in_one_group_and_weight() -> None:
    assert has_pairs(batch_of([1, 0], None, [7, 7]))
    assert not has_pairs(batch_of([1, 0], None, [7, 8]))
    assert not has_pairs(batch_of([1, 0], None, [0, 0]))  # 0: no group
    assert not has_pairs(batch_of([1, 1], None, [7, 7]))
    assert not has_pairs(batch_of([1, 0, 0], [1, 0, 1], [7, 7, 8]))
    value, gradient = loss_gradient(torch.ones(2), batch_of([1, 0], None, [7, 8]), Loss(kind="bpr", bpr_weight=1.0))
    assert value == 0 and not gradient.any()
