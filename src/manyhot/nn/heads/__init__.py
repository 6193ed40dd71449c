"""Heads: each turns what the tables give into one term (B,) of the logit.

A head is an nn.Module whose `forward(tables: TableOutputs)` returns float32 (B,). One file a head, reading like its
paper; `HEADS` makes each from a `HeadShape`. What it may ask of the tables beside linear, pooled and bi stands in
`_shape.py`, which is the file to read first.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ._cin import CINHead
from ._cross import CrossHead
from ._cross2 import Cross2Head
from ._deep import DeepHead
from ._fm import FMHead
from ._linear import LinearHead
from ._self_attention import SelfAttentionHead
from ._shape import HeadShape
from ._two_streams import TwoStreamsHead

__all__ = ["HEADS", "DeepHead", "FMHead", "HeadShape", "LinearHead"]

HEADS: dict[str, Callable[[HeadShape], nn.Module]] = {
    "linear": LinearHead.of,
    "fm": FMHead.of,
    "deep": DeepHead.of,
    "cin": CINHead.of,
    "self_attention": SelfAttentionHead.of,
    "cross": CrossHead.of,
    "cross2": Cross2Head.of,
    "two_streams": TwoStreamsHead.of,
}
