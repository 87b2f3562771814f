"""A device whose buttons a script holds down, and a person who says where they are."""

import numpy as np
import pytest
from conformance.reference_sources import ReferenceSourceConformance, observation

from hlm.control.body_command import BodyCommand
from hlm.core.layout import DIMENSIONS
from hlm.core.values import Reference
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.summons import Summons
from hlm.teleop.takeover import Takeover


class ToldDevice:
    name, cannot, trouble = "told", (), ""

    def __init__(self):
        self.buttons = None

    def read(self):
        return None if self.buttons is None else DeviceSample(stamp_ns=0, motion=BodyCommand(), buttons=self.buttons)


class ToldPerson:
    live, age_s = None, 0.0

    def __init__(self, value=0.2):
        self.value, self.follows, self.resets, self.trouble, self.looks = value, False, 0, "", 0

    def look(self, now_ns):
        self.looks += 1

    def hold(self):
        self.follows = False

    def follow(self):
        self.follows = True

    def reset(self, seen):
        self.resets += 1

    def reference(self, seen):
        return Reference(seen.stamp_ns, np.full(DIMENSIONS, self.value))


class TestSummons(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self):
        return lambda: Summons(ToldPerson(), ToldDevice())

    ends = False


def commanded(script, steps=30, first=frozenset()):
    """Who is in command at each step, until the episode ends, where `script` presses buttons at steps."""
    device, person = ToldDevice(), ToldPerson()
    device.buttons = first
    summons = Summons(person, device)
    source = Takeover(ToldPerson(0.0), summons, summons.wanted, ("policy", "told"))
    source.reset(observation(0))
    names = []
    for step in range(steps):
        device.buttons = script.get(step, frozenset())
        if source.reference(observation(step)) is None:
            break
        names.append(source.in_command)
        assert person.follows == (source.in_command == "told")
    return names, person


ENGAGE, STOP = frozenset({Button.ENGAGE}), frozenset({Button.STOP})


def test_a_press_takes_over_and_another_hands_back():
    names, person = commanded({5: ENGAGE, 12: ENGAGE, 20: ENGAGE})
    assert names == ["policy"] * 5 + ["told"] * 7 + ["policy"] * 8 + ["told"] * 10
    assert person.resets == 2


def test_a_button_that_stays_down_is_one_press():
    names, _ = commanded(dict.fromkeys(range(5, 15), ENGAGE))
    assert names == ["policy"] * 5 + ["told"] * 25


def test_what_is_down_at_the_start_counts_once_it_was_let_go():
    names, _ = commanded({0: ENGAGE, 1: ENGAGE, 8: ENGAGE}, first=ENGAGE)
    assert names == ["policy"] * 8 + ["told"] * 22


@pytest.mark.parametrize("script", [{9: STOP}, {3: ENGAGE, 9: STOP}])
def test_a_stop_ends_the_episode_whoever_is_in_command(script):
    names, _ = commanded(script)
    assert len(names) == 9


def test_a_device_that_has_said_nothing_wants_nothing():
    summons = Summons(ToldPerson(), ToldDevice())
    assert not summons.wanted(observation(0))


def test_nobody_takes_over_with_a_device_that_is_silent_and_one_line_says_why():
    device, person = ToldDevice(), ToldPerson()
    summons = Summons(person, device)
    person.trouble = "told has been silent for 2.0 s"
    device.buttons = ENGAGE
    assert not summons.wanted(observation(0))
    assert summons.trouble == "nobody took over: told has been silent for 2.0 s"
    device.buttons = frozenset()
    person.trouble = ""
    assert not summons.wanted(observation(1)), "a wish of then is not granted later"
    device.buttons = ENGAGE
    assert summons.wanted(observation(2))
    assert summons.trouble == ""


def test_who_falls_silent_in_command_stays_there_and_may_hand_back():
    device, person = ToldDevice(), ToldPerson()
    summons = Summons(person, device)
    summons.press(Button.ENGAGE)
    assert summons.wanted(observation(0))
    person.trouble = "told has been silent for 2.0 s"
    assert summons.wanted(observation(1)), "the person's source holds the body"
    assert summons.trouble == person.trouble
    summons.press(Button.ENGAGE)
    assert not summons.wanted(observation(2))


def test_a_person_is_listened_to_while_the_policy_commands():
    person = ToldPerson()
    summons = Summons(person, ToldDevice())
    for step in range(5):
        summons.wanted(observation(step))
    assert person.looks == 5


def test_an_episode_begins_with_the_policy_whoever_ended_the_last_one():
    summons = Summons(ToldPerson(), ToldDevice())
    summons.press(Button.ENGAGE)
    assert summons.wanted(observation(0))
    summons.begin()
    assert not summons.wanted(observation(1))


class CountingDevice(ToldDevice):
    """Counts presses, which no sample shows."""

    buttons = frozenset()

    def __init__(self):
        self.buttons = frozenset()
        self.presses = dict.fromkeys(Button, 0)


def test_counted_presses_are_heeded_however_short_they_were():
    device = CountingDevice()
    device.presses[Button.ENGAGE] = 3
    summons = Summons(ToldPerson(), device)
    assert not summons.wanted(observation(0)), "those of before the episode"
    device.presses[Button.ENGAGE] += 1
    assert summons.wanted(observation(1))
    device.presses[Button.ENGAGE] += 2
    assert summons.wanted(observation(2)), "handed back and taken over again"
