"""Models on either kernels against the whole logit as nested loops."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import FIELDS, Weights
from torch import nn

from manyhot.nn import predict_logits
from manyhot.schema import FM, LR, DeepFM, ModelConfig, WideDeep

DEEP = {"embedding_dim": 3, "hidden_units": (5, 4)}
CONFIGS = {
    "lr": LR(),
    "lr biases": LR(head_biases=True),
    "fm": FM(embedding_dim=4),
    "fm fields": FM(embedding_dim=5, pairs="fields", head_biases=True),
    "widedeep": WideDeep(**DEEP),
    "widedeep dropout": WideDeep(**DEEP, dropout=0.5),
    "deepfm": DeepFM(**DEEP),
    "deepfm fields": DeepFM(**DEEP, pairs="fields"),
    "deepfm norm": DeepFM(**DEEP, batch_norm=True, dropout=0.3),
    "deepfm article norm": DeepFM(**DEEP, batch_norm=True, dropout=0.3, layer_order="article", head_biases=True),
    "deepfm article": DeepFM(embedding_dim=8, hidden_units=(6,), preset="article"),
    "deepfm no hidden layer": DeepFM(embedding_dim=2, hidden_units=()),
    "deep alone": ModelConfig(heads=("deep",), **DEEP),
    "fm alone": ModelConfig(heads=("fm",), embedding_dim=16, pairs="fields"),
}
both_kernels = pytest.mark.parametrize("kernels", ["native", "reference"])
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


@both_kernels
@every_config
def test_logits_are_the_nested_loops(kernels, config):
    model, rows = oracle.model_of(config, kernels=kernels), oracle.random_rows(seed=2, count=12)
    expected = [oracle.logit(model, config, Weights.of(model), row) for row in rows]
    with torch.no_grad():
        ours = model(oracle.batch_of(rows, kernels=kernels))
    assert (ours.shape, ours.dtype) == ((len(rows),), torch.float32)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@every_config
def test_a_batch_is_its_rows_one_by_one_and_prediction_is_evaluation(config):
    model, rows = oracle.model_of(config), oracle.random_rows(seed=3)
    with torch.no_grad():
        alone = torch.cat([model(oracle.batch_of([row])) for row in rows])
    model.train()
    for batch_size in (1, 3, 100):
        predicted = predict_logits(model, oracle.examples_of(rows), batch_size)
        np.testing.assert_allclose(predicted, alone, rtol=1e-5, atol=1e-5)
    assert model.training


@every_config
def test_an_empty_example_adds_nothing_to_the_biases(config):
    model = oracle.model_of(config)
    empty = {field.name: [] for field in FIELDS}
    with torch.no_grad():
        before = model(oracle.batch_of([empty]))
        model.tables.data[:] = 1e3
        assert torch.equal(model(oracle.batch_of([empty])), before)


@pytest.mark.parametrize(
    ("layer_order", "names"),
    [
        ("standard", ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"]),
        ("article", ["Linear", "ReLU", "Dropout", "BatchNorm1d", "Linear"]),
    ],
)
def test_a_layer_is_in_the_order_asked_for(layer_order, names):
    config = DeepFM(hidden_units=(7,), batch_norm=True, dropout=0.25, layer_order=layer_order)
    mlp = oracle.model_of(config).heads["deep"].mlp
    assert [type(module).__name__ for module in mlp] == names
    assert [module.p for module in mlp if isinstance(module, nn.Dropout)] == [0.25]


def test_dropout_acts_in_training_only():
    model, batch = oracle.model_of(CONFIGS["widedeep dropout"]), oracle.batch_of(oracle.random_rows(seed=4, count=30))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert torch.equal(model(batch), model(batch))
        model.train()
        assert not torch.equal(model(batch), model(batch))


@pytest.mark.parametrize("head_biases", [False, True])
def test_each_head_has_a_bias_only_where_asked_for(head_biases):
    model = oracle.model_of(DeepFM(**DEEP, head_biases=head_biases))
    biases = [model.heads["linear"].bias, model.heads["fm"].bias, model.heads["deep"].mlp[-1].bias]
    assert [bias is not None for bias in biases] == [head_biases] * 3


@both_kernels
@pytest.mark.parametrize("order", [(3, 2, 1, 0), (2, 0, 3, 1)])
@every_config
def test_the_order_of_fields_changes_nothing_but_the_order_of_coefficients(kernels, order, config):
    model, rows = oracle.model_of(config, kernels=kernels), oracle.random_rows(seed=6)
    fields = tuple(FIELDS[k] for k in order)
    other = oracle.model_of(config, fields, kernels)
    assert other.tables.layout.ranges == model.tables.layout.ranges
    np.testing.assert_array_equal(other.tables.data, model.tables.data)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if "heads.linear.coefficients" in state:
        state["heads.linear.coefficients"] = state["heads.linear.coefficients"][list(order)]
    if "deep" in config.heads:
        first = state["heads.deep.mlp.0.weight"]
        blocks = first.view(len(first), len(FIELDS), config.embedding_dim)
        state["heads.deep.mlp.0.weight"] = blocks[:, list(order)].flatten(1)
    other.load_state_dict(state)
    with torch.no_grad():
        ours, theirs = other(oracle.batch_of(rows, fields, kernels)), model(oracle.batch_of(rows, kernels=kernels))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
