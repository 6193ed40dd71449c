"""The short forms of killed_training.py, signals.py and two_runs.py, on one scene."""

import killed_training
import pytest
import signals
import trainings
import two_runs


@pytest.fixture(scope="module")
def scene():
    with trainings.scene(["deepfm", "fm by ftrl"]) as scene:
        yield scene


def test_killed_and_bit_identical(scene):
    assert killed_training.trials(3, *scene).startswith("3 of 3 bit-identical")


def test_stopped_by_signals(scene):
    assert "all 2 with the same bits" in signals.trials(2, *scene, bound=60.0)


def test_two_on_one_folder(scene):
    assert two_runs.trials(1, *scene).startswith("1 of 1 refused")
