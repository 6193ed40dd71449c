"""Cross layers with vectors, with matrices and gated, beside an MLP or in front of it, as loops over coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from head_terms import affine, assert_term, relu_layers
from nn_oracle import numbers

from manyhot.errors import ConfigError
from manyhot.schema import HEADS, MODELS, Cross, ModelConfig

LAYERS = {"embedding_dim": 3, "cross": Cross(layers=2)}
STACKED = {"embedding_dim": 3, "cross": Cross(layers=3, structure="stacked"), "hidden_units": (5, 4)}
both_structures = pytest.mark.parametrize("options", [LAYERS, STACKED], ids=["parallel", "stacked"])
HEAD_OF = {"dcn": "cross", "dcnv2": "cross2", "gdcn": "gated_cross"}


def ended(head, x: np.ndarray, options) -> float:
    return (relu_layers(head.last, x) if options is STACKED else affine(head.last, x)).item()


@both_structures
def test_vectors(options):
    def term(head, pooled):
        x0 = x = pooled.reshape(-1)
        assert len(head.layers) == options["cross"].layers
        for layer in head.layers:
            w, b = numbers(layer.weight.weight)[0], numbers(layer.bias)
            product = sum(w[j] * x[j] for j in range(len(x)))
            x = np.array([x0[i] * product + b[i] + x[i] for i in range(len(x))])
        return ended(head, x, options)

    assert_term(ModelConfig(heads=("cross",), **options), term)


@both_structures
@pytest.mark.parametrize("rank", [None, 2])
def test_matrices(options, rank):
    def matrix(layer):
        low, high = layer.weight
        if rank is None:
            return numbers(high.weight)
        assert (low.bias, low.out_features) == (None, rank)
        u, v = numbers(high.weight), numbers(low.weight)
        return np.array(
            [[sum(u[i, r] * v[r, j] for r in range(rank)) for j in range(v.shape[1])] for i in range(len(u))]
        )

    def term(head, pooled):
        x0 = x = pooled.reshape(-1)
        for layer in head.layers:
            w, b = matrix(layer), numbers(layer.weight[1].bias)
            x = np.array([x0[i] * (sum(w[i, j] * x[j] for j in range(len(x))) + b[i]) + x[i] for i in range(len(x))])
        return ended(head, x, options)

    cross = Cross(layers=options["cross"].layers, structure=options["cross"].structure, rank=rank)
    assert_term(ModelConfig(heads=("cross2",), **{**options, "cross": cross}), term)


@both_structures
def test_gates(options):
    def term(head, pooled):
        x0 = x = pooled.reshape(-1)
        for layer in head.layers:
            crossed, gate = affine(layer.weight, x), numbers(layer.gate.weight)
            opened = [1 / (1 + np.exp(-sum(gate[i, j] * x[j] for j in range(len(x))))) for i in range(len(x))]
            x = np.array([x0[i] * crossed[i] * opened[i] + x[i] for i in range(len(x))])
        return ended(head, x, options)

    assert_term(ModelConfig(heads=("gated_cross",), **options), term)


@pytest.mark.parametrize("name", HEAD_OF)
def test_a_named_model_has_a_deep_head_only_beside_parallel_layers(name):
    assert ModelConfig(name=name).heads == (HEAD_OF[name], "deep") == MODELS[name].heads
    stacked = ModelConfig(name=name, **STACKED)
    assert (stacked.heads, stacked.hidden_units) == ((HEAD_OF[name],), (5, 4))
    assert ModelConfig(name=name, heads=stacked.heads, **STACKED) == stacked  # as it is read from a model file
    assert ModelConfig(heads=(HEAD_OF[name], "deep"), **STACKED).heads == (HEAD_OF[name], "deep")


MISTAKES = {
    "rank of vectors": (
        lambda: ModelConfig(name="dcn", cross=Cross(rank=4)),
        ["model.cross: rank", 'head "cross2"', "['cross', 'deep']"],
    ),
    "no layer": (lambda: Cross(layers=0), ["cross", "layers = 0", "at least 1"]),
    "no rank": (lambda: Cross(rank=0), ["cross", "rank = 0", "at least 1"]),
    "stacked without cross layers": (lambda: ModelConfig(name="xdeepfm", **STACKED), ["cross belongs to", '"cross2"']),
    "units of no MLP": (lambda: ModelConfig(heads=["cross2"], hidden_units=[9]), ["hidden_units", 'head "deep"']),
    "heads and stacked name": (
        lambda: ModelConfig(name="dcnv2", heads=["cross2", "deep"], **STACKED),
        ["['cross2']", "name or heads, not both"],
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named(case):
    make, words = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        make()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_every_head_of_cross_layers_is_named_by_their_options():
    assert [head for head, kind in HEADS.items() if "cross" in kind.options] == ["cross", "cross2", "gated_cross"]
