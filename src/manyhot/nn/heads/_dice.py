"""Dice, the activation of DIN. N members, H units."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from .._norms import BatchNorm1d

__all__ = ["Dice"]


class Dice(nn.Module):
    """p * s + (1 - p) * alpha * s, p = sigmoid of s normalised over the batch (Zhou et al. 2018, section 5.3).

    Takes and gives float32 (N, H). By running statistics in evaluation, and where there are not two members to take
    them of.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.norm = BatchNorm1d(units, eps=1e-8, affine=False)
        self.alpha = nn.Parameter(torch.zeros(units))

    def forward(self, s: Tensor) -> Tensor:
        norm = self.norm
        if self.training and len(s) > 1:
            normalised = norm(s)
        else:
            normalised = batch_norm(s, norm.running_mean, norm.running_var, eps=norm.eps)
        p = torch.sigmoid(normalised)
        return p * s + (1 - p) * self.alpha * s
