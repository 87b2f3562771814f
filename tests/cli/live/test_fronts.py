"""What a terminal says of a session."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from hlm.cli.live.fronts import TerminalFront
from hlm.teleop.session.session import Session, SessionState


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
