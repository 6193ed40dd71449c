"""What NFM, FNN and PNN put into their MLP, as nested loops over plain pairs in float64."""

from __future__ import annotations

import itertools

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import FIELDS, Weights
from torch import nn

from manyhot.schema import BiDeep, ModelConfig, Product

F, D = len(FIELDS), 3
ROWS = oracle.random_rows(seed=12, count=12)
MLP = {"embedding_dim": D, "hidden_units": (7, 5)}
CONFIGS = {
    "bi_deep": ModelConfig(heads=("bi_deep",), **MLP),
    "bi_deep fields": ModelConfig(heads=("bi_deep",), pairs="fields", head_biases=True, **MLP),
    "bi_deep normed": ModelConfig(heads=("bi_deep",), batch_norm=True, dropout=0.3, **MLP),
    "bi_deep normed in layers": ModelConfig(heads=("bi_deep",), batch_norm=True, bi_deep=BiDeep(on_bi=False), **MLP),
    "linear_deep": ModelConfig(heads=("linear_deep",), **MLP),
    "linear_deep article": ModelConfig(heads=("linear_deep",), batch_norm=True, preset="article", **MLP),
    "product": ModelConfig(heads=("product",), **MLP),
    "product outer": ModelConfig(heads=("product",), product=Product(kind="outer"), **MLP),
    "product both": ModelConfig(heads=("product",), product=Product(kind="both"), batch_norm=True, **MLP),
}


def inputs_of(config: ModelConfig, head: nn.Module, weights: Weights, row: oracle.Row) -> np.ndarray:
    linear, pooled, features = np.zeros(F), np.zeros((F, D)), []
    for f, field in enumerate(FIELDS):
        for i, x in oracle.combined(field, row[field.name]):
            linear[f] += x * weights.linear[field.vocabulary_name][i]
            vector = x * weights.latent[field.vocabulary_name][i]
            pooled[f] += vector
            features.append((f, vector))
    if config.heads == ("bi_deep",):
        bi = np.zeros(D)
        for (f, v), (g, w) in itertools.combinations(features, 2):
            if config.pairs == "features" or f != g:
                bi += v * w
        if config.batch_norm and (config.bi_deep or BiDeep()).on_bi:
            n = head.norm
            deviation = np.sqrt(oracle.numbers(n.running_var) + n.eps)
            bi = (bi - oracle.numbers(n.running_mean)) / deviation * oracle.numbers(n.weight) + oracle.numbers(n.bias)
        return bi
    if config.heads == ("linear_deep",):
        return np.concatenate([[linear[f], *pooled[f]] for f in range(F)])
    kind = (config.product or Product()).kind
    pairs = list(itertools.combinations(range(F), 2))
    inner = [sum(pooled[f, d] * pooled[g, d] for d in range(D)) for f, g in pairs]
    outer = []
    for k, (f, g) in enumerate(pairs if kind != "inner" else []):
        matrix = oracle.numbers(head.kernels)[k]
        outer.append(sum(pooled[f, d] * matrix[d, e] * pooled[g, e] for d in range(D) for e in range(D)))
    return np.concatenate([pooled.reshape(-1), inner if kind != "outer" else [], outer])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_logits_are_the_mlp_over_what_the_paper_puts_in(config):
    model = oracle.model_of(config)
    head, weights = model.heads[config.heads[0]], Weights.of(model)
    inputs = [inputs_of(config, head, weights, row) for row in ROWS]
    expected = [oracle.mlp(head.mlp, config, x) + float(oracle.numbers(model.bias)) for x in inputs]
    with torch.no_grad():
        ours = model(oracle.batch_of(ROWS))
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(expected) > 1e-2


@pytest.mark.parametrize(("on_bi", "dropout", "norms"), [(True, [0.3, 0.3, 0.3], 3), (False, [0.0, 0.3, 0.3], 2)])
def test_bi_deep_drops_and_normalises_the_bi_interaction_where_asked_for(on_bi, dropout, norms):
    config = ModelConfig(heads=("bi_deep",), dropout=0.3, batch_norm=True, bi_deep=BiDeep(on_bi=on_bi), **MLP)
    modules = list(oracle.model_of(config).heads["bi_deep"].modules())
    assert sorted(m.p for m in modules if isinstance(m, nn.Dropout)) == dropout
    assert sum(isinstance(m, nn.BatchNorm1d) for m in modules) == norms


def test_the_kernels_of_product_start_with_the_variance_of_glorot():
    model = oracle.build_model(
        ModelConfig(heads=("product",), embedding_dim=32, product=Product(kind="outer")),
        oracle.layout_of(),
        oracle.select("native"),
    )
    kernels = model.heads["product"].kernels
    assert kernels.shape == (F * (F - 1) // 2, 32, 32)
    assert kernels.var().item() == pytest.approx(1 / 32, rel=0.05)
