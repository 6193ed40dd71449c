"""Heads of pairs and products against their papers' sums, as nested loops over plain pairs in float64."""

from __future__ import annotations

import itertools
import math

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from nn_oracle import FIELDS, Row, Weights

from manyhot.nn import Model
from manyhot.schema import AttentionFM, ModelConfig

F, D = len(FIELDS), 3
ROWS = oracle.random_rows(seed=11, count=12)
both_kernels = pytest.mark.parametrize("kernels", ["native", "reference"])
both_pairs = pytest.mark.parametrize("pairs", ["features", "fields"])


def model_of(head: str, kernels: str = "native", **options: object) -> Model:
    return oracle.model_of(ModelConfig(heads=(head,), embedding_dim=D, **options), kernels=kernels)


def features_of(model: Model, row: Row) -> list[tuple[int, np.ndarray]]:
    """(field, x * latent row) of each pair."""
    latent = Weights.of(model).latent
    return [
        (f, x * latent[field.vocabulary_name][i])
        for f, field in enumerate(FIELDS)
        for i, x in oracle.combined(field, row[field.name])
    ]


def pooled_of(model: Model, row: Row) -> np.ndarray:
    pooled = np.zeros((F, model.tables.dim))
    for f, vector in features_of(model, row):
        pooled[f] += vector
    return pooled


def assert_terms(model: Model, expected: list[float], kernels: str = "native") -> None:
    with torch.no_grad():
        terms = model(oracle.batch_of(ROWS, kernels=kernels)) - model.bias
    np.testing.assert_allclose(terms, expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(expected) > 0.1


@both_kernels
@both_pairs
def test_field_weighted_fm_weighs_each_pair_of_features_by_its_fields(kernels, pairs):
    model = model_of("field_weighted_fm", kernels, pairs=pairs)
    head = model.heads["field_weighted_fm"]
    between = oracle.numbers(head.between)
    r = {fields: between[k] for k, fields in enumerate(itertools.combinations(range(F), 2))}
    r |= {(f, f): oracle.numbers(head.within)[f] if pairs == "features" else 0.0 for f in range(F)}
    expected = []
    for row in ROWS:
        features = features_of(model, row)  # in the order of fields
        expected.append(sum(r[f, g] * (v @ w) for (f, v), (g, w) in itertools.combinations(features, 2)))
    assert_terms(model, expected, kernels)


@both_pairs
def test_field_weighted_fm_starts_as_fm(pairs):
    """Where every weight is 1, as fresh heads have it."""
    ones = []
    for head in ("field_weighted_fm", "fm"):
        model = model_of(head, pairs=pairs)
        for parameter in model.heads[head].parameters():
            torch.nn.init.ones_(parameter)
        with torch.no_grad():
            ones.append(model(oracle.batch_of(ROWS)) - model.bias)
    torch.testing.assert_close(*ones, rtol=1e-4, atol=1e-5)


@both_kernels
@both_pairs
def test_field_aware_fm_multiplies_what_each_feature_is_towards_the_others_field(kernels, pairs):
    model = model_of("field_aware_fm", kernels, pairs=pairs)
    assert model.tables.dim == F * D
    expected = []
    for row in ROWS:
        features = [(f, v.reshape(F, D)) for f, v in features_of(model, row)]
        expected.append(
            sum(v[g] @ w[f] for (f, v), (g, w) in itertools.combinations(features, 2) if pairs == "features" or f != g)
        )
    assert_terms(model, expected, kernels)


def test_attention_fm_is_a_mean_of_the_pairs_of_fields_that_hold_something():
    model = model_of("attention_fm", attention_fm=AttentionFM(units=5), dropout=0.5)
    head = model.heads["attention_fm"]
    hidden, score = head.attention[0], head.attention[2]
    weight, bias, h, p = (oracle.numbers(t) for t in (hidden.weight, hidden.bias, score.weight, head.coefficients))
    expected, num_left = [], []
    for row in ROWS:
        pooled = pooled_of(model, row)
        filled = [f for f, field in enumerate(FIELDS) if oracle.combined(field, row[field.name])]
        products = [pooled[f] * pooled[g] for f, g in itertools.combinations(filled, 2)]
        scores = [math.exp(float(h[0] @ np.maximum(weight @ product + bias, 0))) for product in products]
        shares = [s / sum(scores) for s in scores]
        expected.append(sum(a * float(p @ product) for a, product in zip(shares, products, strict=True)))
        num_left.append(len(products))
    assert len(set(num_left)) > 2 and num_left[0] == 0
    assert_terms(model, expected)


def test_attention_fm_drops_in_training_only():
    model, batch = model_of("attention_fm", dropout=0.5), oracle.batch_of(ROWS)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert torch.equal(model(batch), model(batch))
        model.train()
        assert not torch.equal(model(batch), model(batch))


def test_multi_view_sums_the_products_of_every_subset_of_fields():
    model = model_of("multi_view")
    biases = oracle.numbers(model.heads["multi_view"].biases)
    expected = []
    for row in ROWS:
        pooled, total = pooled_of(model, row), 0.0
        for taken in itertools.product([False, True], repeat=F):
            factors = [pooled[f] if taken[f] else biases[f] for f in range(F)]
            total += float(np.prod(factors, axis=0).sum())
        expected.append(total)
    assert_terms(model, expected)


@pytest.mark.parametrize(("dim", "first"), [(4, 0), (5, 1)])
def test_multi_view_starts_near_0_and_not_at_the_latent_size(dim, first):
    head = oracle.build_model(
        ModelConfig(heads=("multi_view",), embedding_dim=dim), oracle.layout_of(), oracle.select("native")
    ).heads["multi_view"]
    assert head.biases.prod(0).sum().item() == first
    assert head.biases.abs().eq(1).all()
