"""Checkpoints of each format, as that version wrote them, can be read for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhot.storage import CheckpointFolder

TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]


def test_format_1() -> None:
    stored = CheckpointFolder(Path(__file__).parent / "format-1").newest(pytest.fail)
    assert stored is not None
    assert stored.step == 7
    assert stored.header == {"epoch": 3, "loss": 0.1, "texts": ["\N{SNOWMAN}"]}
    assert list(stored.arrays) == [*TYPES, "none", "one"]
    for kind in TYPES:
        np.testing.assert_array_equal(stored.arrays[kind], np.arange(6, dtype=kind).reshape(2, 3), strict=True)
    np.testing.assert_array_equal(stored.arrays["none"], np.zeros((0, 4), np.float32), strict=True)
    np.testing.assert_array_equal(stored.arrays["one"], np.array(-7), strict=True)
