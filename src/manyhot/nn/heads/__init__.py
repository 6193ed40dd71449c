"""Heads: each turns what the tables give into one term (B,) of the logit.

A head is an nn.Module whose `forward(tables: TableOutputs)` returns float32 (B,). One file a head, reading like its
paper; `HEADS` makes each from a `HeadShape`. What it may ask of the tables beside linear, pooled and bi stands in
`_shape.py`, which is the file to read first.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ._deep import DeepHead
from ._fm import FMHead
from ._interest import InterestHead
from ._linear import LinearHead
from ._shape import HeadShape

__all__ = ["HEADS", "DeepHead", "FMHead", "HeadShape", "InterestHead", "LinearHead"]

HEADS: dict[str, Callable[[HeadShape], nn.Module]] = {
    "linear": LinearHead.of,
    "fm": FMHead.of,
    "deep": DeepHead.of,
    "interest": InterestHead.of,
}
