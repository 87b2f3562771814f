"""What the controller makes of references and measurements, and what it sends."""

import logging

import numpy as np
import pytest
from fakes import FakeTracker
from fakes_driven import STANDING, STRETCHED, Driven, one, running

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import NAMES, pack
from hlm.core.protocols import Refusing
from hlm.core.values import Reference


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
    for each in (driven, wet):
        each.arm()
        for step in range(20):
            each.push(STANDING + 0.001 * step)
            each.step()
            assert each.state is (BodyState.ARMING if step < 9 else BodyState.RUNNING)
            assert each.braking() or each is wet
    np.testing.assert_array_equal(driven.controller.wanted.joint_position_rad, wet.controller.wanted.joint_position_rad)
    assert wet.controller.wanted is wet.sent[-1]


def test_a_dry_run_does_not_take_legs_for_lifted_that_were_commanded_nothing():
    driven = Driven(dry_run=True)
    running(driven)
    driven.measured.update(joint_position_rad=STRETCHED)
    driven.step(20, referenced=True)
    assert driven.state is BodyState.RUNNING


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


def test_a_robot_that_cannot_be_armed_keeps_in_its_hands_what_it_held_before():
    driven = Driven()
    driven.robot.opening = np.array([0.2, 0.3])
    driven.controller.observe(driven.read)
    driven.robot.broken = ConnectionError("cable pulled")
    driven.arm()
    driven.step()
    assert driven.state is BodyState.FAULT
    assert driven.braking()
    np.testing.assert_array_equal(driven.sent[-1].gripper_opening, [0.2, 0.3])


def test_a_bug_in_the_limits_brakes(monkeypatch):
    driven = Driven()
    driven.arm()

    def limited(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(driven.controller._limits, "limited", limited)
    driven.step()
    assert driven.state is BodyState.FAULT
    assert driven.controller.status.fault == "the control step failed: ZeroDivisionError: by zero"


@pytest.mark.parametrize(
    ("dimension", "value"),
    [("left_knee", 1e300), ("root_pitch", -2.0), ("root_yaw_rate", 100.0), ("left_gripper", -5.0)],
)
def test_a_reference_that_nobody_means_is_not_followed(dimension, value):
    driven = Driven()
    running(driven)
    wild = STANDING.copy()
    wild[NAMES.index(dimension)] = value
    driven.push(wild)
    assert driven.state is BodyState.HOLDING
    assert driven.controller.status.fault.startswith(f"the reference of {dimension} is {value:.4g} ")
    np.testing.assert_array_equal(driven.tracker.joints, UNITREE_G1.default_rad)


def test_a_reference_that_is_a_little_out_of_range_is_brought_inside():
    driven = Driven()
    running(driven)
    driven.push(pack(UNITREE_G1.upper_rad + 0.9, np.ones(2), np.zeros(3)))
    assert driven.state is BodyState.RUNNING
    np.testing.assert_array_equal(driven.tracker.joints, UNITREE_G1.upper_rad)


@pytest.mark.parametrize(
    ("measured", "fault"),
    [
        ({"joint_position_rad": one("left_knee", 1e6, 0.0)}, "the measured position of left_knee is 1e+06 rad, far"),
        ({"joint_velocity_rad_s": one("left_knee", -1e6, 0.0)}, "the measured velocity of left_knee is -1e+06 rad/s"),
        ({"angular_velocity_pelvis_in_pelvis_rad_s": np.array([0.0, 1e6, 0.0])}, "the measured angular velocity in y"),
        ({"quat_world_from_pelvis_wxyz": np.array([2.0, 0.0, 0.0, 0.0])}, "the measured orientation must be a unit"),
    ],
)
def test_a_measurement_that_no_robot_could_make_brakes_at_once(measured, fault):
    driven = Driven()
    running(driven)
    driven.measured = measured
    driven.step()
    assert driven.state is BodyState.FAULT
    assert driven.braking()
    assert driven.controller.status.fault.startswith(fault)


class RefusingTracker(FakeTracker):
    """Refuses what the test has it refuse."""

    refusal = ""


def test_what_is_not_followed_is_said_once_and_so_is_its_end(caplog):
    driven = Driven()
    tracker = driven.controller._tracker = RefusingTracker()
    assert isinstance(tracker, Refusing)
    with caplog.at_level(logging.WARNING):
        running(driven)
        assert caplog.messages == []
        for degrees in range(40, 80):
            tracker.refusal = f"its pelvis rolls by {degrees} degrees"
            driven.step(2, referenced=True)
        assert caplog.messages == ["not followed, the last pose on both feet is held: its pelvis rolls by 40 degrees"]
        tracker.refusal = ""
        driven.step(20, referenced=True)
        assert caplog.messages[1:] == ["the reference is followed again"]
        tracker.refusal = "its pelvis pitches by 80 degrees"
        driven.step(2, referenced=True)
        assert caplog.messages[2:] == [
            "not followed, the last pose on both feet is held: its pelvis pitches by 80 degrees"
        ]
    assert driven.state is BodyState.RUNNING


def test_what_is_not_followed_is_said_again_after_arming(caplog):
    driven = Driven()
    tracker = driven.controller._tracker = RefusingTracker()
    tracker.refusal = "its pelvis rolls by 40 degrees"
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            running(driven)
            driven.controller.fail("why")
            driven.step()
    said = [message for message in caplog.messages if "its pelvis rolls by 40 degrees" in message]
    assert len(said) == 2


def test_a_tracker_that_refuses_nothing_says_nothing(caplog):
    driven = Driven()
    assert not isinstance(driven.tracker, Refusing)
    with caplog.at_level(logging.WARNING):
        running(driven)
    assert caplog.messages == []
