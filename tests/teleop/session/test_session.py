"""What leads from one state of a session to the next."""

import pytest

from hlm.core.errors import InputError
from hlm.teleop.devices.device import Button
from hlm.teleop.session.session import (
    Session,
    SessionConfig,
    SessionState,
    Verdict,
    decided,
    ended,
    passed,
    pressed,
)

CONFIG = SessionConfig(countdown_s=3.0, align_s=10.0)
S = 1_000_000_000


def after(*buttons, start=SessionState.IDLE):
    session = Session(start)
    for button in buttons:
        session = pressed(session, button, 0)
    return session


def recording():
    session = passed(after(Button.RECORD), 0, "", CONFIG)
    assert session.state is SessionState.COUNTDOWN
    return passed(session, 3 * S, "", CONFIG)


def test_recording_begins_after_agreement_and_the_countdown():
    session = passed(after(Button.RECORD), 0, "left arm 0.5 rad off", CONFIG)
    assert (session.state, session.message) == (SessionState.ALIGNING, "left arm 0.5 rad off")
    session = passed(session, 2 * S, "", CONFIG)
    assert session.state is SessionState.COUNTDOWN
    assert session.countdown_left_s(3 * S, CONFIG) == pytest.approx(2.0)
    assert passed(session, 5 * S - 1, "", CONFIG).state is SessionState.COUNTDOWN
    assert passed(session, 5 * S, "", CONFIG).state is SessionState.RECORDING


def test_a_countdown_begins_again_when_they_disagree():
    session = passed(after(Button.RECORD), 0, "", CONFIG)
    assert passed(session, S, "waist 0.4 rad off", CONFIG).state is SessionState.ALIGNING


def test_without_agreement_nothing_is_recorded_and_the_person_is_told_why():
    session = passed(after(Button.RECORD), 10 * S, "right arm 0.4 rad off", CONFIG)
    assert session.state is SessionState.FOLLOWING
    assert session.message == "not recording: right arm 0.4 rad off"


@pytest.mark.parametrize(
    ("button", "verdict"),
    [
        (Button.SUCCESS, Verdict.SUCCESS),
        (Button.FAILURE, Verdict.FAILURE),
        (Button.DISCARD, Verdict.DISCARDED),
    ],
)
@pytest.mark.parametrize("before", [(), (Button.RECORD,), (Button.ENGAGE,), (Button.ENGAGE, Button.RECORD)])
def test_an_open_episode_can_be_decided_at_any_time(button, verdict, before):
    session = recording()
    for one in before:
        session = pressed(session, one, 4 * S)
    assert session.open
    decided_session = pressed(session, button, 5 * S)
    assert (decided_session.state, decided_session.verdict) == (SessionState.IDLE, verdict)
    assert passed(decided_session, 6 * S, "", CONFIG).verdict is None


@pytest.mark.parametrize("button", [Button.SUCCESS, Button.FAILURE, Button.DISCARD])
@pytest.mark.parametrize("state", [SessionState.IDLE, SessionState.FOLLOWING, SessionState.COUNTDOWN])
def test_without_an_episode_there_is_nothing_to_decide(button, state):
    session = Session(state)
    assert pressed(session, button, 0) == session
    with pytest.raises(InputError, match=f"no episode is open while the session is {state}"):
        decided(session, Verdict.SUCCESS, 0)


def test_a_pause_ends_where_it_began():
    paused = pressed(recording(), Button.ENGAGE, 4 * S)
    assert paused.state is SessionState.PAUSED
    assert not paused.follows
    assert pressed(paused, Button.ENGAGE, 5 * S).state is SessionState.RECORDING


@pytest.mark.parametrize("state", SessionState)
def test_stop_stops_from_every_state_and_no_button_goes_on(state):
    stopped = pressed(Session(state), Button.STOP, 0)
    assert stopped.state is SessionState.STOPPED
    assert not stopped.follows
    for button in Button:
        assert pressed(stopped, button, 1).state is SessionState.STOPPED


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("button", Button)
def test_the_robot_follows_in_the_states_that_say_so_and_in_no_other(state, button):
    session = pressed(Session(state), button, 0)
    following = {SessionState.FOLLOWING, SessionState.ALIGNING, SessionState.COUNTDOWN, SessionState.RECORDING}
    assert session.follows == (session.state in following)


def test_a_robot_that_fell_leaves_its_episode_to_be_reviewed():
    assert ended("it fell", 0, recorded=True) == Session(SessionState.REVIEW, 0, message="it fell")
    assert ended("it fell", 0, recorded=False).state is SessionState.IDLE


def test_impossible_times_are_refused():
    with pytest.raises(InputError, match="countdown_s -1"):
        SessionConfig(countdown_s=-1.0)
