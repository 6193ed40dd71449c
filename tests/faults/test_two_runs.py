"""The short form of two_runs.py."""

import two_runs


def test_two_runs_in_short():
    assert "1 of 1" in two_runs.run(1)
