"""Blocks of layers whose halves are multiplied, coordinate by coordinate."""

from __future__ import annotations

import nn_oracle as oracle
import numpy as np
import pytest
import torch
from head_terms import affine, assert_term
from nn_oracle import numbers

from manyhot.errors import ConfigError
from manyhot.schema import FinalBlocks, ModelConfig


def batch_normed(norm, x: np.ndarray) -> np.ndarray:
    scale = numbers(norm.weight) / np.sqrt(numbers(norm.running_var) + norm.eps)
    return (x - numbers(norm.running_mean)) * scale + numbers(norm.bias)


def block_of(block, x: np.ndarray, *, batch_norm: bool) -> float:
    for layer, norm in zip(block.layers, block.norms, strict=True):
        y = affine(layer, x)
        half = len(y) // 2
        x = np.array([*y[:half], *(y[i] * y[half + i] for i in range(half))])
        x = np.maximum(batch_normed(norm, x) if batch_norm else x, 0)
    return affine(block.last, x).item()


def gated(gate, pooled: np.ndarray) -> np.ndarray:
    w, b = numbers(gate.mix.weight), numbers(gate.mix.bias)
    out = np.zeros_like(pooled)
    for f in range(len(pooled)):
        for d in range(pooled.shape[1]):
            mixed = sum(w[f, g] * pooled[g, d] for g in range(len(pooled))) + b[f]
            out[f, d] = pooled[f, d] * mixed
    return np.concatenate([pooled, out])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(
    "options",
    [FinalBlocks(), FinalBlocks(blocks=2, hidden_units=(4,), gate=True), FinalBlocks(blocks=2)],
    ids=["one", "two, gated", "two alike"],
)
def test_the_term_is_the_mean_of_the_blocks(options, batch_norm):
    def term(head, pooled):
        inputs = [gated(head.gate, pooled) if options.gate else pooled, pooled]
        assert len(head.blocks) == options.blocks
        terms = [
            block_of(block, x.reshape(-1), batch_norm=batch_norm) for block, x in zip(head.blocks, inputs, strict=False)
        ]
        return sum(terms) / len(terms)

    config = ModelConfig(
        name="finalnet", embedding_dim=3, hidden_units=(6, 8), batch_norm=batch_norm, final_blocks=options
    )
    assert_term(config, term, "norms")


def test_the_gate_starts_as_the_fields_themselves():
    gate = (
        oracle.build_model(
            ModelConfig(name="finalnet", embedding_dim=3, final_blocks=FinalBlocks(gate=True)),
            oracle.layout_of(),
            oracle.select("native"),
        )
        .heads["final_blocks"]
        .gate
    )
    x = torch.randn(5, 4, 3)
    assert torch.equal(gate(x), torch.cat([x, x], 1))


def test_odd_layers_are_refused():
    with pytest.raises(ConfigError, match=r'model: hidden_units = \[7\] of "final_blocks" must be even'):
        ModelConfig(name="finalnet", hidden_units=[7])
    with pytest.raises(
        ConfigError, match=r'model.final_blocks: hidden_units = \[4, 3\] of "final_blocks" must be even'
    ):
        ModelConfig(name="finalnet", final_blocks=FinalBlocks(hidden_units=[4, 3]))
    with pytest.raises(ConfigError, match="blocks"):
        FinalBlocks(blocks=3)
