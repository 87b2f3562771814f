"""Buttons of the page and of its gamepad, while a policy runs and a person may take over."""

import pytest
from conformance.reference_sources import observation

from hlm.cli.live import takeover
from hlm.cli.live.people import Person, PersonConfig
from hlm.cli.live.takeover import TakeoverConfig, Taker, open_taker
from hlm.cli.live.takeover_page import Shown, TakeoverPage
from hlm.control.body_command import BodyCommand
from hlm.core.body import BodyState, BodyStatus
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import DIMENSIONS
from hlm.core.values import Reference
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.page.page_event import ButtonPressed, RedoLast
from hlm.teleop.summons import Summons


class FakePage:
    """A page that nobody draws: events, and the buttons that are held on a gamepad."""

    address = "http://127.0.0.1:8040/"
    name, trouble, cannot = "page", "", ()

    def __init__(self, config=None):
        self.asked, self.held, self.device, self.views = [], frozenset(), self, []

    def publish(self, view):
        self.views.append(view)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        return DeviceSample(stamp_ns=0, motion=BodyCommand(), buttons=self.held)

    def events(self):
        asked, self.asked = self.asked, []
        return asked

    def hold(self, *buttons):
        self.held = frozenset(buttons)

    def click(self, button):
        self.asked.append(ButtonPressed(button, 0))


class StillPerson:
    live, age_s, trouble = None, 0.0, ""

    def look(self, now_ns):
        pass

    def hold(self):
        pass

    def follow(self):
        pass

    def reset(self, seen):
        pass

    def reference(self, seen):
        return Reference(seen.stamp_ns, [0.0] * DIMENSIONS)


@pytest.fixture
def seat(monkeypatch):
    """The page, who takes over on it, and what hears them."""
    page = FakePage()
    monkeypatch.setattr("hlm.teleop.page.page_process.PageProcess", lambda config: page)
    monkeypatch.setattr(takeover, "open_person", lambda config, page, embodiment: page)
    monkeypatch.setattr(takeover, "_warm_up", lambda person, embodiment: None)
    page.source = StillPerson()
    with open_taker(TakeoverConfig(person=PersonConfig(source="page"), page=object()), UNITREE_G1) as taker:
        yield page, taker, TakeoverPage(page, taker, None)


def test_a_stop_of_the_gamepad_is_one_stop_and_a_second_press_another(seat):
    page, _, heard = seat
    page.hold(Button.STOP)
    assert [heard.stops(), heard.stops()] == [1, 0]
    page.hold()
    assert heard.stops() == 0
    page.hold(Button.STOP)
    page.click(Button.STOP)
    assert heard.stops() == 2


def test_a_stop_of_the_gamepad_does_not_pass_for_the_end_of_the_episode(seat):
    page, taker, heard = seat
    source = taker.shared(StillPerson())
    source.reset(observation(0))
    page.hold(Button.STOP)
    assert source.reference(observation(1)) is not None, "who stops the robot is the one that counts stops"
    assert heard.stops() == 1


def test_the_gamepad_takes_over_and_records_as_the_pages_buttons_do(seat):
    page, taker, heard = seat
    for press in (page.hold, page.click):
        source = taker.shared(StillPerson())
        source.reset(observation(0))
        press(Button.ENGAGE)
        page.asked.append(RedoLast())
        assert heard.pressed() == []
        source.reference(observation(1))
        assert source.in_command == "page"
        page.hold()
        press(Button.RECORD)
        assert heard.pressed() == [Button.RECORD]
        page.hold()
        heard.stops()


def test_who_takes_over_is_offered_no_edits_that_nobody_would_make(seat):
    page, _, shown = seat
    shown.show(Shown(status=BodyStatus(BodyState.RUNNING), instruction="take it"))
    assert [view.edits for view in page.views] == [False]


def test_what_was_pressed_while_the_policy_was_loaded_is_forgotten():
    device, person = FakePage(), StillPerson()
    device.presses = dict.fromkeys(Button, 0)
    taker = Taker(
        name="keyboard", person=Person(device=device, source=person), summons=Summons(person, device), page=None
    )
    source = taker.shared(person)
    device.presses[Button.ENGAGE] += 1
    device.presses[Button.STOP] += 1
    source.reset(observation(0))
    assert source.reference(observation(0)) is not None
    assert source.in_command == "policy"
    device.presses[Button.ENGAGE] += 1
    source.reference(observation(1))
    assert source.in_command == "keyboard"
