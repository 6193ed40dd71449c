"""Heads: each turns what the tables give into one term (B,) of the logit.

A head is an nn.Module whose `forward(tables: TableOutputs)` returns float32 (B,). One file a head, reading like its
paper; `HEADS` makes each from a `HeadShape`. What it may ask of the tables beside linear, pooled and bi stands in
`_shape.py`, which is the file to read first.
"""

from __future__ import annotations

from ._attention_fm import AttentionFMHead
from ._bi_deep import BiDeepHead
from ._bilinear import BilinearHead
from ._cin import CINHead
from ._cross import CrossHead
from ._cross2 import Cross2Head
from ._custom import BuildHead, build_custom_heads, check_custom_heads
from ._deep import DeepHead
from ._field_aware_fm import FieldAwareFMHead
from ._field_weighted_fm import FieldWeightedFMHead
from ._final_blocks import FinalBlocksHead
from ._fm import FMHead
from ._gated_cross import GatedCrossHead
from ._interest import InterestHead
from ._linear import LinearHead
from ._linear_deep import LinearDeepHead
from ._mask_blocks import MaskBlocksHead
from ._multi_view import MultiViewHead
from ._product import ProductHead
from ._self_attention import SelfAttentionHead
from ._shape import HeadShape
from ._two_streams import TwoStreamsHead
from ._wukong import WukongHead

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
    "cin": CINHead.of,
    "self_attention": SelfAttentionHead.of,
    "cross": CrossHead.of,
    "cross2": Cross2Head.of,
    "gated_cross": GatedCrossHead.of,
    "bilinear": BilinearHead.of,
    "mask_blocks": MaskBlocksHead.of,
    "two_streams": TwoStreamsHead.of,
    "final_blocks": FinalBlocksHead.of,
    "wukong": WukongHead.of,
    "field_weighted_fm": FieldWeightedFMHead.of,
    "field_aware_fm": FieldAwareFMHead.of,
    "bi_deep": BiDeepHead.of,
    "linear_deep": LinearDeepHead.of,
    "product": ProductHead.of,
    "attention_fm": AttentionFMHead.of,
    "multi_view": MultiViewHead.of,
    "interest": InterestHead.of,
}
