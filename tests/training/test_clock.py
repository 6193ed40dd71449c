"""examples_per_second: the steady state, and everything where there is none."""

import pytest

from manyhot.training._loop import Clock


@pytest.mark.parametrize(("num_steps", "rate"), [(1, 10.0), (5, 10.0), (9, 90 / 13), (10, 5.0), (100, 5.0)])
def test_warm_up_is_left_out_once_there_are_enough_steps(num_steps, rate):
    clock = Clock()
    for step in range(num_steps):
        clock.add(examples=10, seconds=1.0 if step < 5 else 2.0)
    assert clock.examples_per_second == pytest.approx(rate)
