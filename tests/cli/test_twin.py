import pytest

from hlm.cli.twin import Leaving
from hlm.core.task import Progress
from hlm.twin.twin import TwinMoment


def left_after(commanded, silent_s=lambda time_s: 0.0, longest_s=400):
    """How long after the episode a twin leaves, s; None if it stays."""
    leaving = Leaving()
    for step in range(30 * longest_s):
        time_s = step / 30
        moment = TwinMoment(
            time_s=20.0 + time_s, progress=Progress(success=True), commanded=commanded(time_s), commands=1,
            silent_s=silent_s(time_s), steps_hz=500.0, late_steps=0,
        )  # fmt: skip
        if leaving.now(moment):
            return time_s
    return None


def test_it_serves_whoever_goes_on_for_five_minutes_at_most():
    assert left_after(lambda time_s: True) == pytest.approx(300.0, abs=0.05)


@pytest.mark.parametrize("rests_s", [0.0, 12.5])
def test_it_leaves_when_its_commander_has_rested_for_a_while(rests_s):
    assert left_after(lambda time_s: time_s < rests_s) == pytest.approx(rests_s + 2.0, abs=0.05)


def test_it_stays_for_a_commander_that_rests_for_a_moment():
    assert left_after(lambda time_s: time_s % 3.0 > 1.5) == pytest.approx(300.0, abs=0.05)


def test_it_leaves_when_its_commander_has_fallen_silent():
    assert left_after(lambda time_s: True, lambda time_s: max(0.0, time_s - 30.0)) == pytest.approx(32.0, abs=0.05)
