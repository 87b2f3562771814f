"""The controller walks the table of transitions, and nothing but the table."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeRobot, FakeTracker, SteppedClock

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ORDER, pack
from hlm.core.values import Reference
from hlm.runtime.body_controller import BodyController
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.transitions import Event, next_state
from hlm.runtime.safety.watch import WatchConfig

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
CONFIG = SafetyConfig(
    arming_s=0.1,
    hold_s=0.3,
    stop_hold_s=0.1,
    crouch_s=0.4,
    max_reference_age_s=0.2,
    first_reference_s=0.6,
    watch=WatchConfig(lifted_s=0.05),
)


class Driven:
    """A controller of fakes that is stepped at 100 Hz, and what it sends."""

    def __init__(self, config=CONFIG, **settings):
        self.clock, self.tracker, self.sent = SteppedClock(NS_PER_S), FakeTracker(), []
        self.robot = FakeRobot(self.clock)
        self.controller = BodyController(self.tracker, UNITREE_G1, config, **settings)
        self.measured = {}

    @property
    def state(self):
        return self.controller.status.state

    def read(self):
        """The robot's measurement, with what the test has it measure."""
        return replace(self.robot.read(), **self.measured)

    def arm(self):
        self.controller.reset(self.read, self.clock.now_ns())

    def step(self, times=1, *, referenced=False):
        for _ in range(times):
            if referenced:
                self.push()
            self.clock.wait_until(self.clock.now_ns() + 10_000_000)
            command = self.controller.step(self.read, self.clock.now_ns())
            self.sent.append(command)
            if command is not None:
                self.robot.command(command)

    def push(self, vector=STANDING):
        self.controller.push(Reference(self.clock.now_ns(), vector))

    def braking(self):
        last = self.sent[-1]
        return not (last.kp_nm_rad.any() or last.torque_nm.any()) and bool((last.kd_nm_s_rad > 0.0).all())


def disarmed(driven):
    pass


def arming(driven):
    driven.arm()
    driven.step()


def running(driven):
    driven.arm()
    driven.step(12, referenced=True)


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
    BodyState(made.__name__): made for made in (disarmed, arming, running, holding, crouching, damping, fault)
}


def push_nonsense(driven):
    driven.push(np.full(34, np.nan))


def pull_the_cable(driven):
    driven.robot.broken = ConnectionError("cable pulled")
    driven.step()


def starve(driven):
    driven.clock.wait_until(driven.clock.now_ns() + 2 * NS_PER_S)
    driven.step()


def stop_twice(driven):
    """The first stop was before the state that is looked at."""
    driven.controller._stopped = True
    driven.controller.stop("why")


def measure(**measured):
    """Steps after the robot has begun to measure something; long enough for what must last."""

    def do(driven):
        driven.measured = measured
        for _ in range(25):
            if driven.state is driven.before:
                driven.step(referenced=True)

    return do


def one(joint, value, others=np.nan):
    values = np.full(29, others)
    values[MOTOR_ORDER.index(joint)] = value
    return values


STRETCHED = UNITREE_G1.default_rad.copy()
STRETCHED[[3, 9]] = 0.2
LYING = np.array([np.cos(0.6), 0.0, np.sin(0.6), 0.0])


# What makes an event happen. Those that time alone makes are waited for, one step at a time, below.
DO: dict[Event, Callable[[Driven], None]] = {
    Event.ARM: Driven.arm,
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


def test_a_stop_ends_in_braking_in_time_and_the_last_state_keeps_the_reason():
    driven, seen = Driven(), []
    running(driven)
    driven.controller.stop("the operator pressed a key")
    start_ns = driven.clock.now_ns()
    while not driven.controller.status.braking:
        driven.step(referenced=True)
        seen.append(driven.state)
    assert list(dict.fromkeys(seen)) == [BodyState.HOLDING, BodyState.CROUCHING, BodyState.DAMPING]
    assert (driven.clock.now_ns() - start_ns) / NS_PER_S <= CONFIG.stop_hold_s + CONFIG.crouch_s + 0.03
    assert driven.controller.status.fault == "the operator pressed a key"


def test_what_came_before_arming_again_is_forgotten():
    driven = Driven()
    running(driven)
    driven.controller.stop("a test")
    driven.push(STANDING + 0.3)
    driven.arm()
    driven.step(5)
    np.testing.assert_array_equal(driven.sent[-1].joint_position_rad, UNITREE_G1.default_rad)
    assert driven.controller.status.fault == ""


def test_a_dry_run_commands_nothing_but_braking_and_says_what_it_would_command():
    driven = Driven(dry_run=True)
    wet = Driven()
    for one in (driven, wet):
        one.arm()
        for step in range(20):
            one.push(STANDING + 0.001 * step)
            one.step()
            assert one.state is (BodyState.ARMING if step < 9 else BodyState.RUNNING)
            assert one.braking() or one is wet
    np.testing.assert_array_equal(driven.controller.wanted.joint_position_rad, wet.controller.wanted.joint_position_rad)
    assert wet.controller.wanted is wet.sent[-1]


def test_a_dry_run_does_not_take_legs_for_lifted_that_were_commanded_nothing():
    driven = Driven(dry_run=True)
    running(driven)
    driven.measured.update(joint_position_rad=STRETCHED)
    driven.step(20, referenced=True)
    assert driven.state is BodyState.RUNNING


@pytest.mark.parametrize("field", sorted(set(SafetyConfig.__slots__) - {"commands", "watch"}))
@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_times_out_of_range_are_refused(field, bad):
    with pytest.raises(InputError, match=f"{field} must be positive"):
        SafetyConfig(**{field: bad})


# Every way to stop a body that follows references, and within how many control steps another command leaves.
STOPS: dict[str, tuple[Callable[[Driven], None], int]] = {
    "the operator's stop": (lambda driven: driven.controller.stop("why"), 1),
    "a second stop": (stop_twice, 1),
    "hold": (lambda driven: driven.controller.hold("why"), 1),
    "damp": (lambda driven: driven.controller.damp("why"), 1),
    "fault": (lambda driven: driven.controller.fail("why"), 1),
    "a reference that is not a number": (push_nonsense, 1),
    "no reference": (lambda driven: None, 21),
    "the cable": (lambda driven: setattr(driven.robot, "broken", ConnectionError("cable pulled")), 1),
    "tilt": (lambda driven: driven.measured.update(quat_world_from_pelvis_wxyz=LYING), 1),
    "flailing": (lambda driven: driven.measured.update(joint_velocity_rad_s=np.full(29, 20.0)), 1),
    "lifted": (lambda driven: driven.measured.update(joint_position_rad=STRETCHED), 6),
    "hot": (lambda driven: driven.measured.update(motor_temperature_c=one("left_knee", 91.0)), 1),
    "a motor's fault": (lambda driven: driven.measured.update(motor_fault=one("left_knee", 4.0)), 1),
    "a clock that goes back": (lambda driven: setattr(driven.clock, "_now_ns", driven.clock.now_ns() - NS_PER_S), 1),
}


@pytest.mark.parametrize("way", STOPS)
def test_each_way_to_stop_is_answered_within_its_number_of_control_steps(way):
    stop, bound = STOPS[way]
    driven = Driven()
    running(driven)
    stop(driven)
    steps = 0
    while driven.state is BodyState.RUNNING or not steps:
        driven.step()
        steps += 1
    assert steps <= bound
    driven.push(STANDING + 0.3)
    driven.step(3)
    assert not driven.controller.status.tracking
    assert driven.controller.status.fault
    np.testing.assert_allclose(driven.sent[-1].joint_position_rad, UNITREE_G1.default_rad, atol=0.03)
    driven.measured.clear()
    driven.robot.broken = None
    driven.arm()
    assert driven.state is BodyState.ARMING


def test_a_measurement_from_the_future_is_none():
    driven = Driven()
    running(driven)
    driven.measured = {"stamp_ns": driven.clock.now_ns() + NS_PER_S}
    driven.step()
    assert driven.state is BodyState.FAULT
    assert driven.controller.status.fault.startswith("the robot's measurement is 0.990 s ahead of the clock")


def test_references_that_are_out_of_date_when_they_come_keep_nobody_running():
    driven = Driven()
    driven.arm()
    driven.step(30, referenced=True)
    assert driven.state is BodyState.RUNNING
    for number in range(60):  # a loop that falls behind, and pushes at every step
        driven.controller.push(Reference(driven.clock.now_ns() - 5_000_000 * number + 1, STANDING))
        driven.step()
    assert driven.state is BodyState.HOLDING
    assert driven.controller.status.fault.startswith("no reference has come for 0.2")


def test_a_bug_in_the_limits_brakes(monkeypatch):
    driven = Driven()
    driven.arm()

    def limited(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(driven.controller._limits, "limited", limited)
    driven.step()
    assert driven.state is BodyState.FAULT
    assert driven.controller.status.fault == "the control step failed: ZeroDivisionError: by zero"


def test_a_huge_reference_is_brought_into_its_range():
    driven = Driven()
    running(driven)
    driven.push(np.full(34, 1e300))
    assert (driven.tracker.joints == UNITREE_G1.upper_rad).all()
