"""Leaves of boosted trees as features: rows of training data are sampled, trees grown on them, rows walked down.

LightGBM grows the trees and is imported for that alone; afterwards they are plain arrays. Read `_forest.py` first.
"""

from ._checked import forest_arrays, forest_from_arrays
from ._forest import Forest
from ._grow import grown, require_lightgbm
from ._inputs import TreeInputs, read_inputs, read_leaves
from ._row_sample import RowSample

__all__ = [
    "Forest",
    "RowSample",
    "TreeInputs",
    "forest_arrays",
    "forest_from_arrays",
    "grown",
    "read_inputs",
    "read_leaves",
    "require_lightgbm",
]
