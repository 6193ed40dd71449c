"""The short form of killed_training.py."""

import killed_training


def test_killed_training_in_short():
    assert "3 of 3" in killed_training.run(3)
