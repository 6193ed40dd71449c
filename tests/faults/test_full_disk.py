"""The short form of full_disk."""

from __future__ import annotations

import full_disk
import pytest
from system_calls import why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def test_a_failing_disk_leaves_the_last_checkpoint() -> None:
    assert "0 stray files" in full_disk.run(8)
