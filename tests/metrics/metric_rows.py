"""Drawn rows: labels, logits, example weights, groups; few of them, with many ties."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

MODEST = settings(max_examples=50, deadline=None)
LOGIT = st.sampled_from((0.0, -0.0, 1.0, -2.0)) | st.floats(-8, 8, width=32)  # ties are common
WEIGHT = st.sampled_from((0.0, 1.0, 2.0, 0.25)) | st.floats(2.0**-10, 2.0**10, width=32)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def rows(draw: st.DrawFn, weight: st.SearchStrategy[float] = WEIGHT) -> Arrays:
    """labels, logits, example weights, groups."""
    row = st.tuples(st.integers(0, 1), LOGIT, weight, st.integers(0, 4))
    drawn = draw(st.lists(row, min_size=1, max_size=30))
    kinds = (np.float32, np.float32, np.float32, np.uint64)
    return tuple(np.array(column, kind) for column, kind in zip(zip(*drawn, strict=True), kinds, strict=True))


def clicks(num_rows: int, seed: int = 0) -> Arrays:
    """More rows, which the logits know something of."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, num_rows).astype(np.float32)
    labels = (rng.random(num_rows) < 1 / (1 + np.exp(-0.6 * logits))).astype(np.float32)
    weights, groups = rng.choice([0, 0.5, 1, 3], num_rows), rng.integers(0, num_rows // 20 + 1, num_rows)
    return labels, logits, weights.astype(np.float32), groups.astype(np.uint64)
