"""What the tables hand to heads. B examples, F fields, D latent size."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Members", "TableOutputs"]


class Members(NamedTuple):
    """The pairs of one field one by one, in the order of examples, N of them.

    latents float32 (N, D), without the weights; weights float32 (N,), by the combiner; examples int64 (N,): whose each
    pair is.
    """

    latents: Tensor
    weights: Tensor
    examples: Tensor


class TableOutputs(NamedTuple):
    """linear (B, F), pooled (B, F, D), bi (B, D); float32, pooled in bfloat16 where the model computes in it.

    within: (B, F, D), bi of each bag alone: its pairs inside the field. members: of fields by number. filled: bool
    (B, F), whether a bag holds any pair. They are there for heads that ask for them.
    """

    linear: Tensor
    pooled: Tensor
    bi: Tensor
    within: Tensor | None = None
    members: dict[int, Members] | None = None
    filled: Tensor | None = None
