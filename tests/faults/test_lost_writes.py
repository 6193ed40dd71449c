"""The short form of lost_writes; and that it would see a sync that is missing."""

from __future__ import annotations

import lost_writes
import pytest
from system_calls import why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def test_what_was_not_synced_may_be_lost() -> None:
    assert "800 of checkpoints" in lost_writes.run(1000)


def test_each_sync_is_needed() -> None:
    assert int(lost_writes.run_without_syncs(1500)) > 30
