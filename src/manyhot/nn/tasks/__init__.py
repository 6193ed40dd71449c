"""Several labels of one model: each kind turns what the tables give into a term a label.

A kind is a `Tasks`; `forward(tables: TableOutputs)` gives terms (B, T), and `logits` makes of terms with their biases
added the logits (B, T). One file a kind, reading like its paper; `TASKS` makes each from a `HeadShape` and T.
"""

from __future__ import annotations

from collections.abc import Callable

from ..heads import HeadShape
from ._esmm import ESMM
from ._mmoe import MMoE
from ._ple import PLE
from ._shared_bottom import SharedBottom
from ._tasks import Tasks

__all__ = ["ESMM", "PLE", "TASKS", "MMoE", "SharedBottom", "Tasks"]

TASKS: dict[str, Callable[[HeadShape, int], Tasks]] = {
    "shared_bottom": SharedBottom,
    "esmm": ESMM,
    "mmoe": MMoE,
    "ple": PLE,
}
