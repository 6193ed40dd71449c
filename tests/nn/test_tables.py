"""Tables: shared rows, fresh weights, and how a backward pass moves them."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import FIELDS, SIZES, Weights
from torch.nn.functional import binary_cross_entropy_with_logits

from manyhot.data import TableLayout
from manyhot.kernels import Gradients, Lookup, OptimizerStep, RowRange, select, state_places
from manyhot.nn import TableOutputs, build_model
from manyhot.schema import FM, LR, DeepFM, Field, Schema, TableOptimizer, Vocabulary, WideDeep

RULES = ("sgd", "adagrad", "rowwise_adagrad", "proximal_adagrad", "ftrl", "adam", "adamw")
CONFIGS = {
    "lr": LR(),
    "fm": FM(embedding_dim=4, pairs="fields"),
    "widedeep": WideDeep(embedding_dim=3, hidden_units=(4,)),
    "deepfm": DeepFM(embedding_dim=3, hidden_units=(4,), head_biases=True),
}
both_kernels = pytest.mark.parametrize("kernels", ["native", "reference"])
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


@both_kernels
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 3, 0)])
def test_fields_of_one_vocabulary_read_the_same_rows(kernels, order):
    fields = tuple(FIELDS[k] for k in order)
    model = oracle.model_of(FM(embedding_dim=2), fields, kernels)
    latent, linear = model.tables.latent("app"), model.tables.linear("app")
    assert np.shares_memory(latent, model.tables.data)
    assert np.shares_memory(linear, model.tables.data)
    assert latent.shape == (SIZES["app"], 2)
    assert len(model.tables.data) == sum(SIZES.values())  # no table a field
    latent[7], linear[7] = (2.0, -3.0), 5.0
    pairs = {"history": [(7, 1.0)], "candidate": [(7, 1.0)], "city": [], "number": []}
    out = model.tables(oracle.batch_of([pairs], fields, kernels))
    for f, field in enumerate(fields):
        shares = field.vocabulary_name == "app"
        assert out.pooled[0, f].tolist() == ([2.0, -3.0] if shares else [0.0, 0.0])
        assert out.linear[0, f].item() == (5.0 if shares else 0.0)


def test_sharing_by_object_and_by_name_is_the_same():
    app = Vocabulary("app")
    for first, last in ((app, "app"), ("app", app), (app, app)):
        fields = (Field("a", first), Field("own"), Field("b", last))
        layout = TableLayout.of_sizes(Schema(label="y", fields=fields), {"app": 5, "own": 2})
        assert layout.bases[0] == layout.bases[2] != layout.bases[1]


@both_kernels
@every_config
@pytest.mark.parametrize("rule", RULES)
def test_a_backward_pass_moves_rows_as_update_says(kernels, config, rule):
    optimizer = TableOptimizer(optimizer=rule)
    model = oracle.model_of(config, kernels=kernels, optimizer=optimizer)
    tables, batch = model.tables, oracle.batch_of(oracle.random_rows(seed=7, count=2), kernels=kernels)
    expected = tables.data.copy()
    for step in (1, 2):
        before = expected.copy()
        out = tables.gather(batch)
        leaves = TableOutputs(*(torch.from_numpy(a.copy()).requires_grad_() for a in (out.linear, out.pooled, out.bi)))
        logits = torch.stack([head(leaves) for head in model.heads.values()]).sum(0) + model.bias
        binary_cross_entropy_with_logits(logits, torch.from_numpy(batch.labels)).backward()
        given = Gradients(*(None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves[:3]))
        lookup = Lookup(expected, tables.dim, tables.field_pairs)
        select(kernels).update(
            lookup, batch.plan, out, given, OptimizerStep((RowRange(len(expected), optimizer, optimizer),), step)
        )

        binary_cross_entropy_with_logits(model(batch), torch.from_numpy(batch.labels)).backward()
        assert tables.num_steps == step
        assert tables.data.tobytes() == expected.tobytes()
        moved = (expected[:, : tables.dim + 1] != before[:, : tables.dim + 1]).any(1)
        assert moved[batch.plan.rows].all()
        assert not np.delete(moved, batch.plan.rows).any()
        assert not moved.all()


@both_kernels
@every_config
def test_row_gradients_are_the_slopes_of_the_loss(kernels, config):
    """Against finite differences of the nested loops, and without an optimizer no row moves."""
    model, rows = oracle.model_of(config, kernels=kernels), oracle.random_rows(seed=8, count=3)
    batch, before = oracle.batch_of(rows, kernels=kernels), model.tables.data.copy()

    def loss(weights: Weights) -> float:
        logits = np.array([oracle.logit(model, config, weights, row) for row in rows])
        return float(np.mean(np.logaddexp(0, logits) - batch.labels * logits))

    binary_cross_entropy_with_logits(model(batch), torch.from_numpy(batch.labels)).backward()
    np.testing.assert_array_equal(model.tables.data, before)
    met, values = model.tables.row_gradients
    ours = np.zeros((len(before), model.tables.dim + 1))
    ours[met] = values
    weights, h = Weights.of(model), 1e-6
    for vocabulary, (start, stop) in model.tables.layout.ranges.items():
        for table, slopes in (
            (weights.linear[vocabulary][:, None], ours[start:stop, -1:]),
            (weights.latent[vocabulary], ours[start:stop, :-1]),
        ):
            for place in np.ndindex(table.shape):
                value = table[place]
                table[place] = value + h
                above = loss(weights)
                table[place] = value - h
                below = loss(weights)
                table[place] = value
                assert slopes[place] == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-6)


def test_a_backward_pass_without_a_plan_is_refused():
    model = oracle.model_of(LR(), optimizer=TableOptimizer())
    logits = model(oracle.batch_of(oracle.random_rows(seed=1), with_plan=False))
    before = model.tables.data.copy()
    with pytest.raises(ValueError, match="with_plan"):
        logits.sum().backward()
    np.testing.assert_array_equal(model.tables.data, before)


@pytest.mark.parametrize("rule", RULES)
def test_fresh_rows_and_states(rule):
    optimizer = TableOptimizer(optimizer=rule)
    tables = build_model(FM(embedding_dim=6), oracle.layout_of(), select("native"), optimizer=optimizer).tables
    first = np.float32(0.0 if rule in ("adam", "adamw") else 0.1)
    assert (tables.data[:, 6] == 0).all()
    assert (tables.data[:, :6] != 0).all()
    for states in state_places(6, rule, rule):
        for number, place in enumerate(states):
            assert (tables.data[:, place] == (first if number == 0 else 0)).all()


@every_config
def test_fresh_weights_depend_on_the_seed_alone(config):
    def fresh(seed: int, fields: tuple[Field, ...] = FIELDS) -> tuple[bytes, list[torch.Tensor]]:
        model = build_model(config, oracle.layout_of(fields), select("native"), seed=seed)
        return model.tables.data.tobytes(), [p.detach() for p in model.parameters()]

    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    (tables, dense), (again, dense_again) = fresh(3), fresh(3)
    assert tables == again == fresh(3, FIELDS[::-1])[0]
    assert all(torch.equal(a, b) for a, b in zip(dense, dense_again, strict=True))
    if config.has_latent:
        assert tables != fresh(4)[0]
    if "deep" in config.heads:
        assert any(not torch.equal(a, b) for a, b in zip(dense, fresh(4)[1], strict=True))
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


def test_fresh_rows_are_normal_numbers_of_the_scale_asked_for():
    layout = TableLayout.of_sizes(Schema(label="y", fields=(Field("a"), Field("b"))), {"a": 4000, "b": 4000})
    a, b = (build_model(FM(embedding_scale=0.3), layout, select("native")).tables.latent(name) for name in "ab")
    assert a.std() == pytest.approx(0.3, rel=0.02)
    assert abs(a.mean()) < 0.005
    assert np.mean(np.abs(a) < 0.3) == pytest.approx(0.6827, abs=0.01)
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02
    alone = TableLayout.of_sizes(Schema(label="y", fields=(Field("b"),)), {"b": 4000})
    assert build_model(FM(embedding_scale=0.3), alone, select("native")).tables.latent("b").tobytes() == b.tobytes()
