"""The short form of signals.py."""

import signals


def test_signals_in_short():
    assert "all 2 with the same bits" in signals.run(2, bound=60.0)
