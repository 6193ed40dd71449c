"""Two gated MLPs and their bilinear fusion, part by part."""

from __future__ import annotations

import numpy as np
import pytest
from head_terms import affine, assert_term, relu_layers
from nn_oracle import FIELDS, numbers

from manyhot.errors import ConfigError
from manyhot.schema import ModelConfig, Streams

NAMES = [field.name for field in FIELDS]


def gated(gate, names: tuple[str, ...], pooled: np.ndarray) -> np.ndarray:
    x = np.concatenate([pooled[NAMES.index(name)] for name in names]) if names else numbers(gate.constant)[0]
    z = affine(gate.last, relu_layers(gate.mlp, x))
    return 2 / (1 + np.exp(-z)) * pooled.reshape(-1)


@pytest.mark.parametrize(
    "options",
    [
        Streams(gate_units=(5,)),
        Streams(
            hidden_units=(3, 4), heads=2, gate_units=(5, 4), gate_fields=("city",), gate_fields2=("number", "history")
        ),
    ],
    ids=["constants", "fields"],
)
def test_the_term_is_a_bilinear_form_of_two_streams(options):
    def term(head, pooled):
        gates = zip(head.gates, options.gates, strict=True)
        first, second = (gated(gate, names, pooled) for gate, names in gates)
        x, y = relu_layers(head.mlps[0], first), relu_layers(head.mlps[1], second)
        total = (affine(head.fusion.x, x) + affine(head.fusion.y, y)).item()
        w = numbers(head.fusion.xy)
        num_x, num_y = len(x) // options.heads, len(y) // options.heads
        assert w.shape == (options.heads, num_x, num_y)
        for h in range(options.heads):
            for i in range(num_x):
                for j in range(num_y):
                    total += x[h * num_x + i] * w[h, i, j] * y[h * num_y + j]
        return total

    assert_term(ModelConfig(name="finalmlp", embedding_dim=3, hidden_units=(5, 6), streams=options), term)


MISTAKES = {
    "first MLP and heads": (
        lambda: ModelConfig(name="finalmlp", hidden_units=[9], streams=Streams(heads=2)),
        "model: ",
    ),
    "second MLP and heads": (
        lambda: ModelConfig(name="finalmlp", hidden_units=[8], streams=Streams(heads=2, hidden_units=[7])),
        "model.streams: ",
    ),
    "no MLP": (lambda: ModelConfig(name="finalmlp", hidden_units=[]), "model: "),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_streams_that_cannot_be_cut_into_heads_are_refused(case):
    make, place = MISTAKES[case]
    with pytest.raises(ConfigError, match=f"{place}hidden_units = .*multiple of the . heads"):
        make()


def test_an_unknown_field_of_a_gate_is_named():
    config = ModelConfig(name="finalmlp", streams=Streams(gate_fields2=("cyti",)))
    with pytest.raises(ConfigError, match=r'model.streams: there is no field "cyti"; did you mean "city"\?'):
        config.check_fields(NAMES)
