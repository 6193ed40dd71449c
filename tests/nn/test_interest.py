"""The head "interest" against its definition as nested loops over members, in float64."""

from __future__ import annotations

import math

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import APP, FIELDS, Row, Weights, combined, numbers
from torch import nn

from manyhot.errors import ConfigError
from manyhot.kernels import select
from manyhot.nn import Model, batch_loss, build_model
from manyhot.nn.heads._dice import Dice
from manyhot.schema import Field, Interest, ModelConfig, TableOptimizer

TWO_BAGS = (*FIELDS, Field("gone", APP, combiner="mean"))


def config_of(candidates: dict[str, str] | None = None, *, head_biases: bool = False, **options) -> ModelConfig:
    interest = Interest(candidates=candidates or {"history": "candidate"}, units=(6, 4), **options)
    sizes = {"embedding_dim": 3, "hidden_units": (5,)}
    return ModelConfig(heads=("interest",), interest=interest, head_biases=head_biases, **sizes)


CONFIGS = {
    "prelu": config_of(),
    "dice": config_of(activation="dice", head_biases=True),
    "softmax": config_of(softmax=True),
    "two bags": config_of({"gone": "candidate", "history": "candidate"}, softmax=True),
    "a bag asks": config_of({"candidate": "history"}),  # weights of either sign
    "a bag asks softmax": config_of({"candidate": "history"}, softmax=True),
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
both_kernels = pytest.mark.parametrize("kernels", ["native", "reference"])


def rows_of(seed: int, count: int = 8) -> list[Row]:
    """With a field "gone", whose bags are another draw of histories."""
    others = oracle.random_rows(seed + 100, count)
    return [
        {**row, "gone": other["history"]} for row, other in zip(oracle.random_rows(seed, count), others, strict=True)
    ]


def score(attention: nn.Module, x: np.ndarray) -> float:
    """The attention network on one member."""
    modules = list(attention.score)
    for layer, activation in zip(modules[:-1:2], modules[1::2], strict=True):
        hidden = [sum(w * v for w, v in zip(row, x, strict=True)) for row in numbers(layer.weight)]
        x = np.array([float(h) for h in hidden]) + numbers(layer.bias)
        if isinstance(activation, nn.PReLU):
            share = (x > 0).astype(float)
            slope = numbers(activation.weight)
        else:
            spread = np.sqrt(numbers(activation.norm.running_var) + 1e-8)
            share = 1 / (1 + np.exp(-(x - numbers(activation.norm.running_mean)) / spread))
            slope = numbers(activation.alpha)
        x = share * x + (1 - share) * slope * x
    return float((numbers(modules[-1].weight) @ x + numbers(modules[-1].bias)).item())


def logit(model: Model, config: ModelConfig, weights: Weights, row: Row, fields=TWO_BAGS) -> float:
    place = {field.name: f for f, field in enumerate(fields)}
    latents = [
        [(x, weights.latent[field.vocabulary_name][i]) for i, x in combined(field, row[field.name])] for field in fields
    ]
    pooled = [sum((x * e for x, e in bag), np.zeros(config.embedding_dim)) for bag in latents]
    seen, head = list(pooled), model.heads["interest"]
    for attention, (bag, candidate) in zip(head.attentions, config.interest.candidates.items(), strict=True):
        e_c, members = pooled[place[candidate]], latents[place[bag]]
        scores = [score(attention, np.concatenate([e, e_c, e * e_c, e - e_c])) for _, e in members]
        parts = [x * a for (x, _), a in zip(members, scores, strict=True)]
        if config.interest.softmax:
            total = sum(abs(x) * math.exp(a) for (x, _), a in zip(members, scores, strict=True))
            parts = [x * math.exp(a) / total for (x, _), a in zip(members, scores, strict=True)]
        seen[place[bag]] = sum((w * e for w, (_, e) in zip(parts, members, strict=True)), 0 * e_c)
    return float(numbers(model.bias)) + oracle.mlp(head.mlp, config, np.concatenate(seen))


@both_kernels
@every_config
def test_logits_are_the_nested_loops(config, kernels):
    model, rows = oracle.model_of(config, TWO_BAGS, kernels), rows_of(2)
    expected = [logit(model, config, Weights.of(model), row) for row in rows]
    with torch.no_grad():
        ours = model(oracle.batch_of(rows, TWO_BAGS, kernels))
        alone = torch.cat([model(oracle.batch_of([row], TWO_BAGS, kernels)) for row in rows])
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(alone, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["prelu", "dice", "softmax", "two bags"])
def test_rows_get_the_slope_of_the_nested_loops(name):
    """Members by the attended sum and by their attention, and the candidate, which reads the same table."""
    config, rows = CONFIGS[name], rows_of(4)
    model = oracle.model_of(config, TWO_BAGS)
    batch = oracle.batch_of(rows, TWO_BAGS)
    batch_loss(model(batch), batch).backward()
    at, gradients = model.tables.row_gradients
    start, stop = model.tables.layout.ranges["app"]
    weights = Weights.of(model)
    labels, table, step = batch.labels.astype(float), weights.latent["app"], 1e-5

    def loss() -> float:
        logits = [logit(model, config, weights, row) for row in rows]
        return sum(math.log1p(math.exp(z)) - y * z for z, y in zip(logits, labels, strict=True)) / len(rows)

    touched = [(r, row - start) for r, row in enumerate(at) if start <= row < stop]
    assert len(touched) > 4
    for r, row in touched[:5]:
        for d in range(config.embedding_dim):
            before = table[row, d]
            table[row, d] = before + step
            above = loss()
            table[row, d] = before - step
            slope = (above - loss()) / (2 * step)
            table[row, d] = before
            np.testing.assert_allclose(gradients[r, d], slope, rtol=1e-3, atol=1e-5)


@every_config
def test_an_empty_bag_is_seen_as_zeros(config):
    model, rows = oracle.model_of(config, TWO_BAGS), rows_of(5)
    for row in rows:
        row |= {"history": [], "gone": [], "candidate": []}
    plain = oracle.mlp(model.heads["interest"].mlp, config, np.zeros(15))
    empty = {field.name: [] for field in TWO_BAGS}
    with torch.no_grad():
        np.testing.assert_allclose(model(oracle.batch_of([empty], TWO_BAGS)), plain + numbers(model.bias), rtol=1e-5)
        assert torch.isfinite(model(oracle.batch_of(rows, TWO_BAGS))).all()


@pytest.mark.parametrize("num_members", [0, 1, 2])
def test_dice_trains_on_few_members(num_members):
    """Statistics need two; a batch of empty bags moves nothing and makes no NaN."""
    config = config_of(activation="dice")
    model = oracle.model_of(config, optimizer=TableOptimizer()).train()
    rows = [
        {**row, "history": [(1, 1.0), (2, 1.0)][:num_members] if b == 0 else []} for b, row in enumerate(rows_of(6))
    ]
    before = {name: t.clone() for name, t in model.state_dict().items() if "running" in name}
    batch = oracle.batch_of(rows)
    batch_loss(model(batch), batch).backward()
    assert np.isfinite(model.tables.data).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())
    after = {name: t for name, t in model.state_dict().items() if "running" in name}
    assert len(before) == 4
    assert all(torch.equal(before[name], after[name]) == (num_members < 2) for name in before)


def test_dice_is_the_papers_formula():
    dice, s = Dice(3).train(), torch.randn(50, 3, dtype=torch.float64).float() * 2 + 1
    with torch.no_grad():
        dice.alpha.copy_(torch.tensor([0.3, -0.2, 0.0]))
        ours = dice(s)
    x = s.double().numpy()
    p = 1 / (1 + np.exp(-(x - x.mean(0)) / np.sqrt(x.var(0) + 1e-8)))
    np.testing.assert_allclose(ours, p * x + (1 - p) * numbers(dice.alpha) * x, rtol=1e-4, atol=1e-5)


def test_order_of_fields_changes_nothing():
    config, rows = CONFIGS["two bags"], rows_of(7)
    model = oracle.model_of(config, TWO_BAGS)
    order = [3, 4, 1, 0, 2]
    fields = tuple(TWO_BAGS[k] for k in order)
    other = oracle.model_of(config, fields)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = state["heads.interest.mlp.0.weight"]
    state["heads.interest.mlp.0.weight"] = first.view(len(first), 5, 3)[:, order].flatten(1)
    other.load_state_dict(state)
    with torch.no_grad():
        ours, theirs = other(oracle.batch_of(rows, fields)), model(oracle.batch_of(rows, TWO_BAGS))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ({"histroy": "candidate"}, ["histroy = candidate", 'no field "histroy"', '"history"']),
        ({"history": "item"}, ["history = item", 'no field "item"']),
        ({"history": "city"}, ["history = city", 'different vocabularies, "app" and "city"']),
    ],
)
def test_a_wrong_field_is_named(candidates, words):
    with pytest.raises(ConfigError) as caught:
        build_model(config_of(candidates), oracle.layout_of(), select("native"))
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
