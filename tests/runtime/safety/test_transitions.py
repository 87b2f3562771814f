from collections import Counter

import pytest

from hlm.core.body import BodyState
from hlm.runtime.safety.transitions import TRANSITIONS, Event, next_state

BRAKING = (BodyState.DAMPING, BodyState.FAULT)
ARMED = [state for state in BodyState if state is not BodyState.DISARMED]
# How much a body still does, from following to braking.
RANK = {
    BodyState.HANGING: 1,
    BodyState.ARMING: 0,
    BodyState.RUNNING: 0,
    BodyState.HOLDING: 1,
    BodyState.CROUCHING: 2,
    BodyState.DAMPING: 3,
    BodyState.FAULT: 3,
    BodyState.DISARMED: 3,
}


def test_no_state_answers_an_event_in_two_ways():
    assert max(Counter((row.state, row.event) for row in TRANSITIONS).values()) == 1


def test_every_event_leads_somewhere():
    assert {row.event for row in TRANSITIONS} == set(Event)


@pytest.mark.parametrize("state", BodyState)
def test_only_a_person_leads_back(state):
    for event in set(Event) - {Event.ARM, Event.HANG, Event.CARRIED}:
        assert RANK[next_state(state, event)] >= RANK[state]


@pytest.mark.parametrize("state", [state for state in BodyState if state is not BodyState.HANGING])
def test_a_person_can_arm_from_everywhere(state):
    assert next_state(state, Event.ARM) is BodyState.ARMING


def test_a_robot_that_hangs_is_armed_by_its_feet_alone():
    assert {row.event for row in TRANSITIONS if row.next_state is BodyState.HANGING} == {Event.HANG}
    onwards = {row.event: row.next_state for row in TRANSITIONS if row.state is BodyState.HANGING}
    assert onwards.pop(Event.CARRIED) is BodyState.ARMING
    assert set(onwards.values()) == set(BRAKING)


@pytest.mark.parametrize("state", ARMED)
@pytest.mark.parametrize("event", [Event.DAMP, Event.BROKEN, Event.STARVED])
def test_what_cannot_balance_brakes(state, event):
    assert next_state(state, event) in BRAKING


@pytest.mark.parametrize("state", ARMED)
def test_two_stops_brake(state):
    assert next_state(next_state(state, Event.STOP), Event.STOP_AGAIN) in BRAKING


def test_a_disarmed_body_can_only_be_armed():
    assert {row.event for row in TRANSITIONS if row.state is BodyState.DISARMED} == {Event.ARM, Event.HANG}


def test_whoever_is_lost_ends_braking_by_the_passing_of_time():
    state = BodyState.RUNNING
    for event in (Event.NO_REFERENCE, Event.HELD, Event.CROUCHED):
        state = next_state(state, event)
    assert state is BodyState.DAMPING
