"""What a terminal says of a session, and which presses its fronts hear."""

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from hlm.cli.live.front import Leave, Moment
from hlm.cli.live.fronts import DeviceButtons, Fronts, StopSignalsFront, TerminalFront
from hlm.cli.record_live import _fronts
from hlm.control.body_command import BodyCommand
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.session.session import Session, SessionState

MOMENT = Moment(
    session=Session(SessionState.IDLE),
    countdown_s=0.0,
    step=None,
    status=None,
    fault="",
    message="",
    instruction="lift it",
    proposals=(),
    recorded=None,
    kept=(),
)


@pytest.fixture
def said():
    text = io.StringIO()
    front = TerminalFront(Console(file=text, width=200))

    def show(state, message=""):
        front.show(SimpleNamespace(session=Session(state), message=message, instruction="lift it"))
        return text.getvalue().splitlines()

    return show


def test_a_state_is_said_once_with_what_is_asked_for(said):
    said(SessionState.IDLE)
    assert said(SessionState.IDLE) == ["idle 'lift it'"]
    assert said(SessionState.RECORDING) == ["idle 'lift it'", "recording"]


def test_no_state_is_said_twice_in_a_line(said):
    assert said(SessionState.PAUSED, "paused: page: no page is open") == ["paused: page: no page is open"]


def test_figures_that_change_are_no_news(said):
    said(SessionState.ALIGNING, "left arm 1.3 rad off, left leg 0.5 rad off")
    said(SessionState.ALIGNING, "left arm 1.2 rad off, left leg 0.4 rad off")
    lines = said(SessionState.ALIGNING, "left arm 1.2 rad off")
    assert lines == ["aligning: left arm 1.3 rad off, left leg 0.5 rad off", "aligning: left arm 1.2 rad off"]


class HeldDevice:
    """A device whose held buttons are set."""

    def __init__(self):
        self.held = frozenset()

    def read(self):
        return DeviceSample(stamp_ns=0, motion=BodyCommand(), buttons=self.held)


class CountingDevice(HeldDevice):
    """Counts presses, which no sample shows."""

    def __init__(self):
        super().__init__()
        self.presses = dict.fromkeys(Button, 0)


def test_a_button_is_one_wish_until_it_is_let_go():
    device = HeldDevice()
    front, heard = DeviceButtons(device), []
    for held in ({Button.RECORD}, {Button.RECORD}, {Button.RECORD, Button.STOP}, set(), {Button.STOP}):
        device.held = frozenset(held)
        heard.append(list(front.wishes()))
    assert heard == [[Button.RECORD], [], [Button.STOP], [], [Button.STOP]]


def test_every_press_of_a_keyboard_is_a_wish_however_short_it_was():
    device = CountingDevice()
    front = DeviceButtons(device)
    device.presses[Button.STOP] += 2
    assert list(front.wishes()) == [Button.STOP, Button.STOP]
    assert list(front.wishes()) == []


def test_a_gamepad_at_the_page_is_heard_whatever_device_commands():
    page, headset = SimpleNamespace(device=HeldDevice(), events=list), HeldDevice()
    for device in (page.device, headset):
        page.device.held = frozenset()
        person = SimpleNamespace(device=device, source=None, motion=None)
        front = Fronts(*_fronts(person, page, SimpleNamespace(world=None), Console(file=io.StringIO()), None))
        page.device.held = frozenset({Button.STOP})
        assert list(front.wishes()) == [Button.STOP]


def test_a_device_that_speaks_says_what_is_new():
    heard, device = [], HeldDevice()
    silent, device.say = DeviceButtons(HeldDevice()), heard.append
    front = Fronts(silent, DeviceButtons(device))
    for state, message in [
        (SessionState.IDLE, ""),
        (SessionState.ALIGNING, "left arm 1.3 rad off"),
        (SessionState.ALIGNING, "left arm 1.2 rad off"),
        (SessionState.RECORDING, ""),
        (SessionState.IDLE, ""),
        (SessionState.RECORDING, ""),
        (SessionState.IDLE, "the task timed out"),
    ]:
        front.show(replace(MOMENT, session=Session(state, message=message)))
    assert heard == ["stand as the robot does", "recording", "recording", "the task timed out"]


class Keys:
    """Stops of which a new one comes with each look; implements `StopRequests`."""

    why = "the operator stopped it (key)"

    def __init__(self):
        self.looks = 0

    @property
    def count(self):
        self.looks += 1
        return self.looks


def test_no_stop_is_lost_that_comes_while_stops_are_counted():
    stops = Keys()
    front = StopSignalsFront(stops)
    heard = [wish for _ in range(4) for wish in front.wishes()]
    assert heard == [Leave(stops.why)] * stops.looks
