"""Several labels over shared tables: each kind of tasks against nested loops in float64, and their loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import FIELDS
from torch import nn

from manyhot.kernels import Batch
from manyhot.nn import Model, has_gradients_by_hand, labels_loss, predict_logits
from manyhot.schema import ModelConfig, TableOptimizer, Tasks

LABELS = 2
CONFIGS = {
    "shared_bottom": Tasks(),
    "esmm": Tasks(kind="esmm"),
    "mmoe": Tasks(kind="mmoe", experts=3, expert_units=(5, 4), tower_units=(3,)),
    "mmoe, no tower": Tasks(kind="mmoe", experts=2, tower_units=()),
    "ple": Tasks(kind="ple", experts=2, shared_experts=1, levels=2, expert_units=(5, 4), tower_units=(3,)),
    "ple, three levels": Tasks(kind="ple", experts=1, shared_experts=2, levels=3, tower_units=()),
    "cgc": Tasks(kind="ple", experts=2, shared_experts=3, levels=1, expert_units=(4,)),
}
HEADS = (("linear", "fm", "deep"), ("deep",))
both_heads = pytest.mark.parametrize("heads", HEADS, ids=["deepfm", "dnn"])


def config_of(tasks: Tasks | None, heads: tuple[str, ...] = HEADS[0]) -> ModelConfig:
    units = (6, 4) if "deep" in heads else None
    return ModelConfig(heads=heads, embedding_dim=3, hidden_units=units, tasks=tasks)


def model_of(config: ModelConfig, num_labels: int = LABELS, optimizer: TableOptimizer | None = None) -> Model:
    return oracle.model_of(config, num_labels=num_labels, optimizer=optimizer)


# ---- the definitions: one example at a time, plain numbers


def relu_mlp(modules: nn.Module, x: list[float]) -> list[float]:
    """Linear and ReLU in turn, no ReLU after a last layer to the logit."""
    layers = [m for m in modules.modules() if isinstance(m, nn.Linear | nn.ReLU)]
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            x = [max(v, 0.0) for v in x]
        else:
            w, b = oracle.numbers(layer.weight), oracle.numbers(layer.bias)
            x = [sum(w[i, j] * x[j] for j in range(len(x))) + (b[i] if np.ndim(b) else b) for i in range(len(w))]
    return x


def mixed(gate: nn.Module, x: list[float], outputs: list[list[float]]) -> list[float]:
    """sum_e softmax(W x)_e * outputs_e."""
    shares = [math.exp(v) for v in relu_mlp(gate, x)]
    assert len(shares) == len(outputs)
    return [sum(s / sum(shares) * y[h] for s, y in zip(shares, outputs, strict=True)) for h in range(len(outputs[0]))]


def mmoe_term(tasks: nn.Module, x: list[float], t: int) -> float:
    outputs = [relu_mlp(expert, x) for expert in tasks.experts]
    return relu_mlp(tasks.towers[t], mixed(tasks.gates[t], x, outputs))[0]


def ple_term(tasks: nn.Module, x: list[float], t: int) -> float:
    inputs = [x] * (LABELS + 1)
    for level in tasks.levels:
        own = [[relu_mlp(e, inputs[k]) for e in level.own_experts[k]] for k in range(LABELS)]
        shared = [relu_mlp(e, inputs[LABELS]) for e in level.shared_experts]
        following = [mixed(level.gates[k], inputs[k], own[k] + shared) for k in range(LABELS)]
        if level is not tasks.levels[-1]:
            everything = [y for group in own for y in group] + shared
            following.append(mixed(level.shared_gate, inputs[LABELS], everything))
        inputs = following
    return relu_mlp(tasks.towers[t], inputs[t])[0]


def head_term(model: Model, heads: nn.ModuleDict, weights: oracle.Weights, row: oracle.Row) -> float:
    """The sum of heads that a one-label model would hold, by that model's own oracle."""
    single = Model(model.tables, dict(heads.items()))
    names = tuple(heads)
    return oracle.logit(single, config_of(None, names), weights, row) if names else 0.0


def expected_logits(model: Model, config: ModelConfig, row: oracle.Row) -> list[float]:
    weights, kind = oracle.Weights.of(model), config.tasks.kind if config.tasks else "shared_bottom"
    x = [0.0] * (len(FIELDS) * model.tables.dim)
    for f, field in enumerate(FIELDS):
        for i, weight in oracle.combined(field, row[field.name]):
            for d in range(model.tables.dim):
                x[f * model.tables.dim + d] += weight * weights.latent[field.vocabulary_name][i, d]
    terms = []
    for t in range(model.num_labels):
        term = head_term(model, model.tasks.heads.sets[t].heads, weights, row) + float(oracle.numbers(model.bias)[t])
        if kind in ("mmoe", "ple"):
            term += (mmoe_term if kind == "mmoe" else ple_term)(model.tasks, x, t)
        terms.append(term)
    if kind == "esmm":
        p = 1 / (1 + math.exp(-terms[0])) / (1 + math.exp(-terms[1]))
        terms[1] = math.log(p / (1 - p))
    return terms


@both_heads
@pytest.mark.parametrize("case", CONFIGS)
def test_logits_are_those_of_the_definition(case: str, heads: tuple[str, ...]) -> None:
    config = config_of(CONFIGS[case], heads)
    model, rows = model_of(config), oracle.random_rows(3)
    found = predict_logits(model, oracle.examples_of(rows))
    assert (found.shape, found.dtype) == ((len(rows), LABELS), np.float32)
    np.testing.assert_allclose(found, [expected_logits(model, config, row) for row in rows], rtol=2e-4, atol=2e-4)


def test_three_labels_are_the_default_kind_s_too() -> None:
    config = config_of(None)
    model, rows = model_of(config, num_labels=3), oracle.random_rows(4)
    found = predict_logits(model, oracle.examples_of(rows))
    np.testing.assert_allclose(found, [expected_logits(model, config, row) for row in rows], rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("case", CONFIGS)
def test_every_weight_is_reached_by_the_loss(case: str) -> None:
    """None stands idle, and none of one label's own is moved by the other's loss (the shared ones are by both)."""
    model = model_of(config_of(CONFIGS[case])).train()
    rows = oracle.random_rows(5, 30)
    batch = with_labels(oracle.batch_of(rows), np.random.default_rng(0).integers(0, 2, (len(rows), LABELS)))
    labels_loss(model(batch), batch, (1.0, 1.0)).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
    model.zero_grad()
    labels_loss(model(batch), batch, (1.0, 0.0)).backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert not any(name.startswith(("tasks.towers.1", "tasks.heads.sets.1")) for name in moved)
    assert any(name.startswith(("tasks.towers.0", "tasks.heads.sets.0")) for name in moved)
    assert model.tables.row_gradients is not None and model.tables.row_gradients[1].any()


def test_tables_move_once_by_the_gradients_of_both_labels() -> None:
    """sgd is linear in the gradient: one step on the sum of the losses is the sum of two steps from one start."""
    sgd, rows = TableOptimizer(optimizer="sgd", learning_rate=0.1), oracle.random_rows(6, 20)
    labels = np.random.default_rng(1).integers(0, 2, (len(rows), LABELS))

    def moved(label_weights: tuple[float, float]) -> np.ndarray:
        model = model_of(config_of(None), optimizer=sgd).train()
        before, batch = model.tables.weights(), with_labels(oracle.batch_of(rows), labels)
        labels_loss(model(batch), batch, label_weights).backward()
        return model.tables.weights() - before

    both = moved((1.0, 2.5))
    np.testing.assert_allclose(both, moved((1.0, 0.0)) + 2.5 * moved((0.0, 1.0)), rtol=1e-3, atol=1e-6)
    assert np.abs(both).max() > 1e-3


@pytest.mark.parametrize("a", [-800.0, -40.0, -1.0, 0.0, 3.0, 60.0, 900.0])
@pytest.mark.parametrize("c", [-700.0, -30.0, 0.5, 50.0, 800.0])
def test_the_logit_of_a_product_of_probabilities_is_exact_at_any_size(a: float, c: float) -> None:
    """Against log(p) - log(1 - p) by numbers of 900 digits."""
    with localcontext() as context:
        context.prec = 900
        p = 1 / (1 + Decimal(-a).exp()) / (1 + Decimal(-c).exp())
        expected = float((p / (1 - p)).ln())
    esmm = model_of(config_of(Tasks(kind="esmm"), ("linear",))).tasks
    terms = torch.tensor([[a, c]], dtype=torch.float64, requires_grad=True)
    logits = esmm.logits(terms)
    assert logits[0, 0].item() == a
    assert logits[0, 1].item() == pytest.approx(expected, rel=1e-12)
    logits.sum().backward()
    assert torch.isfinite(terms.grad).all()


def with_labels(batch: Batch, labels: np.ndarray, example_weights: np.ndarray | None = None) -> Batch:
    return Batch(batch.jagged, labels.astype(np.float32), batch.plan, example_weights)


@pytest.mark.parametrize("weigh", [lambda rng, n: None, lambda rng, n: rng.choice([0.0, 0.5, 3.0], n)])
def test_the_loss_is_the_weighted_sum_over_labels_of_means_over_known_rows(weigh: Callable[..., object]) -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        rows, T = oracle.random_rows(1, 8), 3
        n = len(rows)
        labels = rng.choice([0.0, 1.0, np.nan], (n, T))
        x = weigh(rng, n)
        logits, label_weights = rng.normal(0, 3, (n, T)), rng.choice([0.0, 1.0, 2.5], T)
        expected = 0.0
        for t in range(T):
            total = weight = 0.0
            for b in range(n):
                if not math.isnan(labels[b, t]):
                    w = 1.0 if x is None else x[b]
                    p = 1 / (1 + math.exp(-logits[b, t]))
                    total -= w * math.log(p if labels[b, t] else 1 - p)
                    weight += w
            expected += label_weights[t] * (total / weight if weight else 0.0)
        batch = with_labels(oracle.batch_of(rows), labels, None if x is None else x.astype(np.float32))
        found = labels_loss(torch.from_numpy(logits.astype(np.float32)), batch, label_weights.tolist())
        assert found.item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_label_that_only_rows_of_weight_0_have_adds_nothing() -> None:
    rows = oracle.random_rows(1, 2)
    labels, x = np.array([[1, np.nan], [0, 1], [1, np.nan]]), np.array([1, 0, 2], np.float32)
    batch, logits = with_labels(oracle.batch_of(rows), labels, x), torch.zeros(3, 2, requires_grad=True)
    loss = labels_loss(logits, batch, (1.0, 1.0))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert not logits.grad[:, 1].any() and logits.grad[[0, 2], 0].all()


def test_gradients_by_hand_are_for_one_label() -> None:
    assert has_gradients_by_hand(oracle.model_of(config_of(None)))
    assert not has_gradients_by_hand(model_of(config_of(None)))
