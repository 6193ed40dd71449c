"""Memory stays where it is, in short; and the fit sees a leak."""

from __future__ import annotations

import numpy as np
import steady_memory


def test_memory_stays() -> None:
    assert steady_memory.run(800).startswith("800 batches: ")


def test_a_leak_is_seen() -> None:
    steps = np.arange(50, 20_001, 50)
    noise = np.random.default_rng(1).normal(0, 2, len(steps))
    warm_up = 40 * np.exp(-steps / 500)
    assert abs(steady_memory.fitted(np.stack([steps, 300 - warm_up + noise], 1))) < steady_memory.MOST / 5
    assert steady_memory.fitted(np.stack([steps, 300 - warm_up + noise + 0.0006 * steps], 1)) > steady_memory.MOST
