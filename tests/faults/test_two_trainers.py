"""The short form of two_trainers."""

from __future__ import annotations

import two_trainers


def test_the_second_refuses_and_the_dead_are_followed() -> None:
    # 1 s is promised; a machine that is busy with other things may let a process wait longer
    assert "12 of 12 refused" in two_trainers.run(12, limit=15)
