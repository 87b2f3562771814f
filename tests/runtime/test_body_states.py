"""The controller walks the table of transitions, and nothing but the table."""

from collections.abc import Callable

import numpy as np
import pytest
from fakes_driven import CONFIG, LYING, SAGGED, STRETCHED, Driven, one, push_nonsense, running, stop_twice

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.transitions import Event, next_state


def disarmed(driven):
    pass


def hanging(driven):
    driven.controller.hang(driven.read, driven.clock.now_ns())
    driven.step(3)


def arming(driven):
    driven.arm()
    driven.step()


def holding(driven):
    running(driven)
    driven.controller.hold("a test")
    driven.step()


def crouching(driven):
    running(driven)
    driven.measured = {"motor_temperature_c": one("left_knee", 91.0)}
    driven.step()
    driven.measured = {}
    driven.step()


def damping(driven):
    running(driven)
    driven.controller.damp("a test")
    driven.step()


def fault(driven):
    running(driven)
    driven.controller.fail("a test")
    driven.step()


INTO: dict[BodyState, Callable[[Driven], None]] = {
    BodyState(made.__name__): made for made in (disarmed, hanging, arming, running, holding, crouching, damping, fault)
}


def stand(driven):
    """The pose is taken, and then the knees give way; feet of a robot that does not hang always carry it."""
    if driven.state is not BodyState.HANGING:
        return
    driven.step(400, referenced=True)
    driven.measured = {"joint_position_rad": SAGGED}
    for _ in range(40):
        if driven.state is driven.before:
            driven.step(referenced=True)


def pull_the_cable(driven):
    driven.robot.broken = ConnectionError("cable pulled")
    driven.step()


def starve(driven):
    driven.clock.wait_until(driven.clock.now_ns() + 2 * NS_PER_S)
    driven.step()


def measure(**measured):
    """Steps after the robot has begun to measure something; long enough for what must last."""

    def do(driven):
        driven.measured = measured
        for _ in range(25):
            if driven.state is driven.before:
                driven.step(referenced=True)

    return do


# What makes an event happen. Those that time alone makes are waited for, one step at a time, below.
DO: dict[Event, Callable[[Driven], None]] = {
    Event.ARM: Driven.arm,
    Event.HANG: lambda driven: driven.controller.hang(driven.read, driven.clock.now_ns()),
    Event.CARRIED: stand,
    Event.BAD_REFERENCE: push_nonsense,
    Event.HOLD: lambda driven: driven.controller.hold("why"),
    Event.STOP: lambda driven: driven.controller.stop("why"),
    Event.STOP_AGAIN: stop_twice,
    Event.DAMP: lambda driven: driven.controller.damp("why"),
    Event.TILTED: measure(quat_world_from_pelvis_wxyz=LYING),
    Event.FLAILING: measure(joint_velocity_rad_s=np.where(np.arange(29) < 3, 20.0, 0.0)),
    Event.LIFTED: measure(joint_position_rad=STRETCHED),
    Event.HOT: measure(motor_temperature_c=one("left_knee", 91.0)),
    Event.MOTOR_FAULT: measure(motor_fault=one("left_knee", 4.0)),
    Event.DISAGREEING: measure(quat_world_from_torso_wxyz=LYING),
    Event.BROKEN: pull_the_cable,
    Event.STARVED: starve,
}
WAITED_S = {
    (BodyState.ARMING, Event.RAMPED): CONFIG.arming_s,
    (BodyState.RUNNING, Event.NO_REFERENCE): CONFIG.max_reference_age_s,
    (BodyState.HOLDING, Event.HELD): CONFIG.hold_s,
    (BodyState.CROUCHING, Event.CROUCHED): CONFIG.crouch_s,
}


def test_there_is_a_way_into_every_state_and_every_event_is_made():
    assert set(INTO) == set(BodyState)
    assert set(DO) | {event for _, event in WAITED_S} == set(Event)


@pytest.mark.parametrize("event", DO)
@pytest.mark.parametrize("state", BodyState)
def test_every_state_answers_every_event_as_the_table_says(state, event):
    driven = Driven()
    INTO[state](driven)
    assert driven.state is state
    driven.before = state
    DO[event](driven)
    assert driven.state is next_state(state, event)
    driven.step()
    if driven.controller.status.braking:
        assert driven.braking()
    elif driven.state is BodyState.DISARMED:
        assert driven.sent[-1] is None
    else:
        assert not driven.braking() or driven.tracker.stepped_ns[-1] == driven.clock.now_ns()


@pytest.mark.parametrize(("state", "event"), WAITED_S)
def test_time_leads_on_within_a_step_of_its_bound(state, event):
    driven = Driven()
    INTO[state](driven)
    before_ns = driven.clock.now_ns()
    while driven.state is state:
        driven.step(referenced=state is BodyState.ARMING)
    assert driven.state is next_state(state, event)
    waited_s = (driven.clock.now_ns() - before_ns) / NS_PER_S
    assert waited_s == pytest.approx(WAITED_S[state, event], abs=0.0201)


@pytest.mark.parametrize("state", [BodyState.DISARMED, BodyState.DAMPING, BodyState.FAULT])
def test_time_alone_arms_nothing(state):
    driven = Driven()
    INTO[state](driven)
    driven.step(200, referenced=True)
    assert driven.state is state


def test_a_body_whose_first_reference_never_comes_holds():
    driven = Driven()
    driven.arm()
    driven.step(55)
    assert driven.state is BodyState.RUNNING
    driven.step(10)
    assert driven.state is BodyState.HOLDING
    assert driven.controller.status.fault == "no reference has come for 0.610 s, more than 0.6 s"


@pytest.mark.parametrize("field", sorted(set(SafetyConfig.__slots__) - {"commands", "watch"}))
@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_times_out_of_range_are_refused(field, bad):
    with pytest.raises(InputError, match=f"{field} must be positive"):
        SafetyConfig(**{field: bad})
