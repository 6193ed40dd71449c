"""The contract of every model, whatever its heads: what bags, sharing, kernels and batches may and may not change."""

from __future__ import annotations

import json

import msgspec
import nn_oracle as oracle
import numpy as np
import pytest
import torch
from field_orders import REORDER
from model_configs import CONFIGS
from nn_oracle import FIELDS
from slow_outputs import Tables64, slow_outputs

from manyhot.nn import Model, batch_loss
from manyhot.schema import (
    HEADS,
    MODELS,
    DenseOptimizer,
    ModelConfig,
    SettledTraining,
    TableOptimizer,
    convert,
    every_key,
)
from manyhot.training import Learner

both_kernels = pytest.mark.parametrize("kernels", ["native", "reference"])
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
SUMS = tuple(msgspec.structs.replace(field, combiner="sum") for field in FIELDS)


def logits(model: Model, rows: list[oracle.Row], fields: tuple[oracle.Field, ...] = FIELDS) -> np.ndarray:
    with torch.no_grad():
        return model(oracle.batch_of(rows, fields)).numpy()


def test_every_named_model_of_the_heads_there_are_is_held_to_it():
    assert {"lr", "fm", "fwfm", "ffm", "nfm", "afm", "mvm", "deepmvm", "dnn", "fnn", "pnn"} <= set(CONFIGS)


@both_kernels
@every_config
def test_logits_and_slopes_of_rows_are_those_of_the_heads_on_nested_loops_in_float64(kernels, config):
    """The heads themselves are held to their papers in files of their own."""
    rows = oracle.random_rows(seed=2, count=8)
    model, exact = (oracle.model_of(config, kernels=kernels) for _ in range(2))
    batch, tables = oracle.batch_of(rows, kernels=kernels), Tables64(model)
    ours = model(batch)
    batch_loss(ours, batch).backward()
    outputs = slow_outputs(tables, rows)
    expected = sum(head.double()(outputs) for head in exact.heads.values()) + exact.bias
    torch.nn.functional.binary_cross_entropy_with_logits(expected, torch.from_numpy(batch.labels).double()).backward()
    assert (ours.shape, ours.dtype, expected.dtype) == ((len(rows),), torch.float32, torch.float64)
    torch.testing.assert_close(ours, expected.float(), rtol=1e-4, atol=1e-5)
    met, values = model.tables.row_gradients
    found = np.zeros((len(model.tables.data), model.tables.dim + 1))
    found[met] = values
    for name, (start, stop) in model.tables.layout.ranges.items():
        slopes = (tables.latent[name].grad, tables.linear[name].grad)
        for columns, slope in zip((found[start:stop, :-1], found[start:stop, -1]), slopes, strict=True):
            np.testing.assert_allclose(columns, 0 if slope is None else slope, rtol=1e-3, atol=1e-5)


@every_config
def test_an_empty_example_does_not_depend_on_the_tables(config):
    model, empty = oracle.model_of(config), {field.name: [] for field in FIELDS}
    before = logits(model, [empty])
    assert np.isfinite(before).all()
    model.tables.data[:] = 1e3
    np.testing.assert_array_equal(logits(model, [empty]), before)


@every_config
def test_a_batch_is_its_rows_one_by_one(config):
    model, rows = oracle.model_of(config), oracle.random_rows(seed=3)
    alone = np.concatenate([logits(model, [row]) for row in rows])
    np.testing.assert_allclose(logits(model, rows), alone, rtol=1e-5, atol=1e-5)
    assert len(set(alone)) == len(rows)


@every_config
def test_pairs_of_weight_0_change_nothing(config):
    """In bags that hold something; a bag of them alone is empty when it is encoded."""
    model, rows = oracle.model_of(config), oracle.random_rows(seed=4)
    more = [{name: [(0, 0.0), *bag, (1, 0.0)] if bag else [] for name, bag in row.items()} for row in rows]
    np.testing.assert_allclose(logits(model, more, SUMS), logits(model, rows, SUMS), rtol=1e-5, atol=1e-5)


@every_config
def test_a_repeated_id_is_one_of_the_summed_weight(config):
    """With pairs of features it is not: the two are a pair."""
    if any("pairs" in HEADS[head].options for head in config.heads):
        config = msgspec.structs.replace(config, pairs="fields", preset=None)
    model, rows = oracle.model_of(config), oracle.random_rows(seed=5, count=12)
    summed = []
    for row in rows:
        totals = {name: {i: sum(x for j, x in bag if j == i) for i, _ in bag} for name, bag in row.items()}
        summed.append({name: list(total.items()) for name, total in totals.items()})
    assert summed != rows
    np.testing.assert_allclose(logits(model, rows, SUMS), logits(model, summed, SUMS), rtol=1e-4, atol=1e-4)


@every_config
def test_a_step_of_training_is_the_same_on_both_kernels(config):
    rows, after = oracle.random_rows(seed=6, count=9), []
    for kernels in ("native", "reference"):
        model = oracle.model_of(config, kernels=kernels, optimizer=TableOptimizer(learning_rate=0.1)).train()
        training = SettledTraining(dense=DenseOptimizer(optimizer="sgd"), precision="float32")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)  # of dropout
            loss = Learner(model, training).learn(oracle.batch_of(rows, kernels=kernels))
        state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
        after.append({"loss": np.float32(loss), "tables": model.tables.data, **state})
    assert not np.array_equal(after[0]["tables"], oracle.model_of(config, optimizer=TableOptimizer()).tables.data)
    for name, native in after[0].items():
        np.testing.assert_allclose(after[1][name], native, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (2, 0, 3, 1)])
@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if set(config.heads) <= set(REORDER)])
def test_the_order_of_fields_moves_nothing_but_parameters_of_fields(order, name):
    config, fields = CONFIGS[name], tuple(FIELDS[k] for k in order)
    model, other = oracle.model_of(config), oracle.model_of(config, fields)
    assert other.tables.layout.ranges == model.tables.layout.ranges  # a vocabulary has one table, whoever shares it
    weights = model.tables.weights()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for head in config.heads:
        prefix = f"heads.{head}."
        own = {name.removeprefix(prefix): state.pop(name) for name in list(state) if name.startswith(prefix)}
        REORDER[head](own, weights, order)
        state |= {prefix + name: tensor for name, tensor in own.items()}
    other.load_state_dict(state)
    other.tables.restore(weights)
    rows = oracle.random_rows(seed=7)
    np.testing.assert_allclose(logits(other, rows, fields), logits(model, rows), rtol=1e-4, atol=1e-5)


@every_config
def test_fields_of_one_vocabulary_read_one_row(config):
    """The same bag in either field asks for the same row: what one moves, both see."""
    model = oracle.model_of(config, optimizer=TableOptimizer())
    rows = [{"history": [(7, 1.0)], "candidate": [], "city": [(1, 1.0)], "number": [(1, 1.0)]}]
    other = [{**rows[0], "history": [], "candidate": [(7, 1.0)]}]
    before = logits(model, other)
    plans = [oracle.batch_of(each).plan.rows.tolist() for each in (rows, other)]
    assert plans[0] == plans[1]
    batch_loss(model(oracle.batch_of(rows)), oracle.batch_of(rows)).backward()
    assert logits(model, other) != before


@pytest.mark.parametrize("name", [name for name in MODELS if name in CONFIGS])
def test_a_model_is_its_name_or_its_heads(name):
    config = CONFIGS[name]
    by_heads = ModelConfig(**{**msgspec.structs.asdict(config), "name": None})
    rows = oracle.random_rows(seed=8)
    ours, theirs = (logits(oracle.model_of(each), rows) for each in (config, by_heads))
    np.testing.assert_array_equal(ours, theirs)


@every_config
def test_a_complete_configuration_means_the_same(config):
    said = json.loads(json.dumps(every_key(config)))
    assert set(said) == set(config.__struct_fields__)
    assert convert(said, ModelConfig, "model") == msgspec.structs.replace(config)
