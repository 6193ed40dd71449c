"""Entire Space Multi-Task Model (Ma et al. 2018). B examples."""

from __future__ import annotations

import torch
from torch import Tensor

from ._shared_bottom import SharedBottom

__all__ = ["ESMM"]


class ESMM(SharedBottom):
    """Two labels, the click and what only follows a click: pCTCVR = pCTR * pCVR (eq. 1), both learned over all rows.

    Each tower is a set of heads, one for pCTR = sigmoid(a) and one for pCVR = sigmoid(c). The logits (B, 2) are those
    of pCTR and pCTCVR, so that their cross-entropies are the paper's loss; pCVR is the quotient of both.
    """

    def logits(self, terms: Tensor) -> Tensor:
        """p / (1 - p) of p = sigmoid(a) sigmoid(c) is 1 / (e^-a + e^-c + e^-(a+c)): no p is ever rounded to 0 or 1."""
        a, c = terms.unbind(1)
        return torch.stack([a, -torch.logsumexp(torch.stack([-a, -c, -a - c]), 0)], 1)

    def rates_of_terms(self, rates_T: Tensor) -> Tensor:
        """pCVR is the quotient, below 1 also where every click converts."""
        return torch.stack([rates_T[0], (rates_T[1] / rates_T[0]).clamp(max=1 - 1e-6)])
