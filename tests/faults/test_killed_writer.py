"""The short form of killed_writer."""

from __future__ import annotations

import killed_writer
import pytest
from system_calls import why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def test_a_killed_writer_leaves_a_valid_checkpoint() -> None:
    assert "(50 at the 11 named points" in killed_writer.run(150)
