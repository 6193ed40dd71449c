"""Bilinear pairs of fields, plain and excited, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from head_terms import assert_term, relu_layers
from nn_oracle import numbers

from manyhot.errors import ConfigError
from manyhot.schema import Bilinear, ModelConfig


def pairs(module, fields: np.ndarray, kind: str) -> list[float]:
    w, found, number = numbers(module.weight), [], 0
    for i in range(len(fields)):
        for j in range(i + 1, len(fields)):
            matrix = w if kind == "all" else w[i if kind == "each" else number]
            for e in range(fields.shape[1]):
                found.append(sum(fields[i, d] * matrix[d, e] for d in range(fields.shape[1])) * fields[j, e])
            number += 1
    return found


@pytest.mark.parametrize("kind", ["all", "each", "interaction"])
@pytest.mark.parametrize("reduction", [2, 9])
def test_the_mlp_reads_plain_and_excited_pairs(kind, reduction):
    def term(head, pooled):
        squeeze, _, excite, _ = head.excitation.layers
        assert squeeze.out_features == max(1, len(pooled) // reduction)
        means = np.array([sum(field) / len(field) for field in pooled])
        hidden = np.maximum(numbers(squeeze.weight) @ means, 0)
        excited = np.array(
            [
                max(0.0, sum(w * v for w, v in zip(row, hidden, strict=True))) * field
                for row, field in zip(numbers(excite.weight), pooled, strict=True)
            ]
        )
        plain_pairs, excited_pairs = (pairs(m, x, kind) for m, x in zip(head.pairs, (pooled, excited), strict=True))
        return relu_layers(head.mlp, np.array(plain_pairs + excited_pairs)).item()

    options = Bilinear(kind=kind, reduction=reduction)
    assert_term(
        ModelConfig(heads=("bilinear",), embedding_dim=3, hidden_units=(16,), bilinear=options), term, "excitation"
    )


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="bilinear: reduction = 0 must be at least 1"):
        Bilinear(reduction=0)
    with pytest.raises(ConfigError, match=r"kind.*al.*interaction"):
        Bilinear(kind="al")
    with pytest.raises(ConfigError, match='"bilinear" needs at least two fields'):
        ModelConfig(name="fibinet").check_fields(["city"])
