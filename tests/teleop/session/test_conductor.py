"""A session that a person runs: a fake person whose pose and device are known."""

import numpy as np
import pytest

from hlm.core.clock import due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import LEFT_ARM, pack
from hlm.core.values import Observation, Reference
from hlm.teleop.devices.device import Button
from hlm.teleop.session.conductor import Conductor
from hlm.teleop.session.session import SessionConfig, SessionState

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
RAISED = STANDING.copy()
RAISED[LEFT_ARM] += 0.5


class FakePerson:
    """Commands one pose; implements `hlm.teleop.person.PersonSource`."""

    def __init__(self):
        self.live = STANDING
        self.trouble = ""
        self.age_s = 0.0
        self.following = None

    def hold(self):
        self.following = False

    def follow(self):
        self.following = True

    def reset(self, observation):
        self.start = observation.state

    def reference(self, observation):
        return Reference(observation.stamp_ns, self.live if self.following and self.live is not None else self.start)


def observation(step, state=STANDING):
    return Observation(due_ns(0, step, 30.0), state, {}, "stand")


@pytest.fixture
def person():
    return FakePerson()


@pytest.fixture
def conductor(person):
    conductor = Conductor(person, SessionConfig(countdown_s=1.0, align_s=2.0))
    conductor.reset(observation(0))
    return conductor


def states(conductor, first, count, state=STANDING):
    found = []
    for step in range(first, first + count):
        conductor.reference(observation(step, state))
        found.append(conductor.session.state)
    return found


def test_the_robot_holds_until_the_person_lets_it_follow(conductor, person):
    person.live = RAISED
    np.testing.assert_array_equal(conductor.reference(observation(1)).vector, STANDING)
    conductor.press(Button.ENGAGE)
    np.testing.assert_array_equal(conductor.reference(observation(2)).vector, RAISED)
    conductor.press(Button.ENGAGE)
    np.testing.assert_array_equal(conductor.reference(observation(3)).vector, STANDING)


def test_recording_waits_for_the_limb_that_is_off_and_names_it(conductor, person):
    person.live = RAISED
    conductor.press(Button.RECORD)
    assert set(states(conductor, 1, 20)) == {SessionState.ALIGNING}
    assert conductor.session.message == "left arm 0.5 rad off"
    assert states(conductor, 21, 1, RAISED) == [SessionState.COUNTDOWN]
    assert conductor.countdown_s == pytest.approx(1.0)
    assert states(conductor, 22, 31, RAISED)[-1] is SessionState.RECORDING


def test_a_silent_device_pauses_the_episode(conductor, person):
    conductor.press(Button.RECORD)
    assert states(conductor, 1, 40)[-1] is SessionState.RECORDING
    person.trouble = "headset has been silent for 0.4 s"
    assert states(conductor, 41, 1) == [SessionState.PAUSED]
    assert person.following is False
    assert conductor.session.message == "paused: headset has been silent for 0.4 s"
    person.trouble = ""
    assert states(conductor, 42, 3)[-1] is SessionState.PAUSED  # the person decides when it goes on
    assert conductor.session.message == "paused: the device is back; follow, or end the episode"
    conductor.press(Button.ENGAGE)
    assert states(conductor, 45, 1) == [SessionState.RECORDING]


def test_the_very_step_at_which_a_device_is_found_silent_is_not_recorded(conductor, person):
    conductor.press(Button.RECORD)
    assert states(conductor, 1, 40)[-1] is SessionState.RECORDING
    answer = person.reference

    def falls_silent(observation):
        person.trouble, person.age_s = "headset has been silent for 0.6 s", 0.6
        return answer(observation)

    person.reference = falls_silent
    assert states(conductor, 41, 1) == [SessionState.PAUSED]
    assert conductor.device_age_s == 0.6


def test_nothing_is_recorded_of_a_person_who_is_unknown(conductor, person):
    person.live = None
    conductor.press(Button.RECORD)
    assert states(conductor, 1, 61)[-1] is SessionState.FOLLOWING
    assert conductor.session.message == "not recording: nothing is known of the person yet"


def test_stop_ends_the_references(conductor):
    conductor.press(Button.STOP)
    assert conductor.reference(observation(1)) is None
    assert conductor.reference(observation(2)) is None
