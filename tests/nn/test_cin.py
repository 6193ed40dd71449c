"""The compressed interaction network as loops over maps, pairs and coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from head_terms import affine, assert_term
from nn_oracle import numbers

from manyhot.errors import ConfigError
from manyhot.schema import CIN, ModelConfig


@pytest.mark.parametrize("units", [(5, 4), (4, 3, 2)])
@pytest.mark.parametrize("head_biases", [False, True])
def test_feature_maps_are_sums_over_products_of_vectors(units, head_biases):
    def term(head, pooled):
        num_fields, maps, sums = len(pooled), pooled, []
        for layer, count in zip(head.layers, units, strict=True):
            w = numbers(layer.maps.weight).reshape(count, num_fields, len(maps))
            b, new = numbers(layer.maps.bias), np.zeros((count, pooled.shape[1]))
            for h in range(count):
                for d in range(pooled.shape[1]):
                    new[h, d] = b[h]
                    for i in range(num_fields):
                        for j in range(len(maps)):
                            new[h, d] += w[h, i, j] * pooled[i, d] * maps[j, d]
            maps = new
            sums += [sum(row) for row in maps]
        assert (head.last.bias is not None) == head_biases
        return affine(head.last, np.array(sums)).item()

    assert_term(ModelConfig(heads=("cin",), embedding_dim=3, cin=CIN(units=units), head_biases=head_biases), term)


@pytest.mark.parametrize(("units", "words"), [((), "empty"), ((8, 0), "at least 1"), ("16", "text")])
def test_layers_without_maps_are_refused(units, words):
    with pytest.raises(ConfigError, match=f"cin: units.*{words}"):
        CIN(units=units)
