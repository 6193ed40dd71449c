"""Heads: each turns what the tables give into one term (B,) of the logit.

A head is an nn.Module whose `forward(tables: TableOutputs)` returns float32 (B,). One file a head, reading like its
paper; `HEADS` makes each from a `HeadShape`. What it may ask of the tables beside linear, pooled and bi stands in
`_shape.py`, which is the file to read first.
"""

from __future__ import annotations

from ._custom import BuildHead, build_custom_heads, check_custom_heads
from ._deep import DeepHead
from ._fm import FMHead
from ._interest import InterestHead
from ._linear import LinearHead
from ._shape import HeadShape

__all__ = [
    "HEADS",
    "BuildHead",
    "DeepHead",
    "FMHead",
    "HeadShape",
    "InterestHead",
    "LinearHead",
    "build_custom_heads",
    "check_custom_heads",
]

HEADS: dict[str, BuildHead] = {
    "linear": LinearHead.of,
    "fm": FMHead.of,
    "deep": DeepHead.of,
    "interest": InterestHead.of,
}
