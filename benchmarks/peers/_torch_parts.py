"""What the peers on torch share: the MLP with its initial weights, the FM term of pooled fields, the loss."""

from __future__ import annotations

import numpy as np
import torch
from _case import Case
from torch import Tensor, nn


def mlp_of(case: Case) -> nn.Sequential:
    """Linear, ReLU, ..., Linear to 1."""
    layers: list[nn.Module] = []
    for weight, bias in case.mlp():
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        set_weights(layer.weight, weight)
        set_weights(layer.bias, bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def set_weights(parameter: Tensor, values: np.ndarray) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values).view_as(parameter))


def stacked_latent(case: Case) -> Tensor:
    """All vocabularies' rows, one below the other."""
    return torch.from_numpy(np.concatenate([case.latent(v) for v in range(len(case.sizes))]))


def field_pairs(pooled: Tensor) -> Tensor:
    """The FM term (B,) of pooled (B, F, D): pairs of fields."""
    total = pooled.sum(1)
    return 0.5 * (total * total - (pooled * pooled).sum(1)).sum(1)


def logits_of(probabilities: Tensor) -> np.ndarray:
    """For models that return probabilities."""
    return torch.logit(probabilities.detach().double()).numpy()
