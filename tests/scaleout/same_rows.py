"""Encoded rows as bytes, so that two sets of them can be compared whatever their order."""

from __future__ import annotations

from collections import Counter

import numpy as np

from manyhot.data import Examples


def rows_as_bytes(examples: Examples) -> Counter[bytes]:
    """Of each row its label, the lengths of its bags, its ids and its weights."""
    found: Counter[bytes] = Counter()
    num_fields = examples.num_fields
    for chunk in examples.chunks:
        assert chunk.labels is not None
        weights = np.ones(len(chunk.ids), np.float32) if chunk.weights is None else chunk.weights
        for row, label in enumerate(chunk.labels):
            offsets = chunk.offsets[row * num_fields : (row + 1) * num_fields + 1]
            pairs = slice(offsets[0], offsets[-1])
            parts = (label, np.diff(offsets), chunk.ids[pairs], weights[pairs])
            found[b"|".join(part.tobytes() for part in parts)] += 1
    return found
