"""A person is told when a simulation is slow."""

from types import SimpleNamespace

import pytest
from fakes import SteppedClock

from hlm.cli.live.pace import Pace
from hlm.core.clock import due_ns


def said(share, seconds):
    """What is said at last where time passes at a share of real time."""
    clock = SteppedClock()
    pace = Pace(clock)
    text = ""
    for index in range(1, round(seconds * 30.0)):
        now_ns = due_ns(0, index, 30.0)
        clock.wait_until(now_ns)
        text = pace.text(SimpleNamespace(observation=SimpleNamespace(stamp_ns=round(share * now_ns))))
    return text


def test_a_simulation_that_keeps_up_is_not_spoken_of():
    assert said(1.0, 5.0) == ""
    assert said(0.9, 5.0) == ""


@pytest.mark.parametrize("seconds", [3.0, 20.0])
def test_a_slow_one_is_told_with_its_pace(seconds):
    assert said(0.3, seconds) == "this machine simulates 0.3 s in a second: all is slow"


def test_nothing_is_said_too_early_or_across_scenes():
    assert said(0.3, 1.0) == ""
    clock = SteppedClock()
    pace = Pace(clock)
    for index in range(1, 200):
        clock.wait_until(due_ns(0, index, 30.0))
        # A new scene each second, which begins at zero.
        stamp_ns = due_ns(0, index % 30, 30.0)
        assert pace.text(SimpleNamespace(observation=SimpleNamespace(stamp_ns=stamp_ns))) == ""
    assert pace.text(None) == ""
