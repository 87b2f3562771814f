import pytest
from fakes import SteppedClock

from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError
from hlm.robots.gripper_watch import GripperWatch
from hlm.robots.grippers import NoGrippers


class Talking(NoGrippers):
    """Grippers that have last said something at a time."""

    stamp_ns = -1

    def read(self):
        return super().read()[0], self.stamp_ns


@pytest.fixture
def clock():
    return SteppedClock(60 * NS_PER_S)


def watch_for(clock, grippers, seconds):
    """What the watch says at the end of a while."""
    with GripperWatch(grippers, clock) as watch:
        start_ns = clock.now_ns()
        assert watch.trouble() == ""
        clock.wait_until(start_ns + round(seconds * NS_PER_S))
        return watch.trouble()


def test_an_old_state_is_said_with_its_age(clock):
    grippers = Talking()
    grippers.stamp_ns = clock.now_ns()
    assert watch_for(clock, grippers, 0.99) == ""
    assert watch_for(clock, grippers, 1.01) == "the grippers have not said where they are for 1.01 s"


def test_ages_count_from_the_first_look(clock):
    assert watch_for(clock, Talking(), 0.9) == ""
    assert "1.10 s" in watch_for(clock, Talking(), 1.1)


def test_grippers_that_talk_are_never_old(clock):
    grippers = Talking()
    with GripperWatch(grippers, clock) as watch:
        for _ in range(100):
            clock.wait_until(clock.now_ns() + NS_PER_S // 50)
            grippers.stamp_ns = clock.now_ns()
            assert watch.trouble() == ""


def test_an_age_that_no_state_could_have_is_refused(clock):
    with pytest.raises(InputError, match="more than 0 s"):
        GripperWatch(NoGrippers(), clock, 0.0)
