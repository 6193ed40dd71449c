"""Heads: each turns what the tables give into one term (B,) of the logit.

A head is an nn.Module whose `forward(tables: TableOutputs)` returns float32 (B,). One file a head, reading like its
paper; `HEADS` makes each from a `HeadShape`. What it may ask of the tables beside linear, pooled and bi stands in
`_shape.py`, which is the file to read first.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ._attention_fm import AttentionFMHead
from ._bi_deep import BiDeepHead
from ._deep import DeepHead
from ._field_aware_fm import FieldAwareFMHead
from ._field_weighted_fm import FieldWeightedFMHead
from ._fm import FMHead
from ._linear import LinearHead
from ._linear_deep import LinearDeepHead
from ._multi_view import MultiViewHead
from ._product import ProductHead
from ._shape import HeadShape

__all__ = ["HEADS", "DeepHead", "FMHead", "HeadShape", "LinearHead"]

HEADS: dict[str, Callable[[HeadShape], nn.Module]] = {
    "linear": LinearHead.of,
    "fm": FMHead.of,
    "deep": DeepHead.of,
    "field_weighted_fm": FieldWeightedFMHead.of,
    "field_aware_fm": FieldAwareFMHead.of,
    "bi_deep": BiDeepHead.of,
    "linear_deep": LinearDeepHead.of,
    "product": ProductHead.of,
    "attention_fm": AttentionFMHead.of,
    "multi_view": MultiViewHead.of,
}
