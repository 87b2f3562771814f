from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeRig

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import pack
from hlm.core.values import Reference
from hlm.runtime.bodies.lockstep import LockstepConfig

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))


@pytest.fixture
def rig():
    return FakeRig.make()


def brakes(command):
    """Whether a command only damps."""
    return not command.torque_nm.any() and not command.kp_nm_rad.any() and (command.kd_nm_s_rad > 0.0).all()


def advance(rig, duration_s):
    rig.body.advance(rig.clock.now_ns() + round(duration_s * NS_PER_S))


def reference(rig, vector=STANDING):
    return Reference(rig.clock.now_ns(), vector)


def test_a_torque_that_is_not_a_number_never_reaches_the_motors(rig):
    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        good = len(rig.robot.commands)
        rig.tracker.joints = np.full(29, np.nan)
        advance(rig, 0.05)
        assert body.status.state is BodyState.FAULT
        assert body.status.fault.startswith("the commanded position is not a number in left_hip_pitch, left_hip_roll")
        (last,) = rig.robot.commands[good:]
        assert brakes(last)


def test_a_bug_in_the_tracker_damps_the_motors_and_says_what_it_was(rig):
    with rig.body as body:
        body.reset()
        rig.tracker.broken = ZeroDivisionError("by zero")
        advance(rig, 0.05)
        assert body.status == BodyStatus(BodyState.FAULT, "the control step failed: ZeroDivisionError: by zero")
        assert brakes(rig.robot.commands[-1])


def test_a_robot_that_stops_answering_is_damped_and_its_last_measurement_keeps_its_stamp(rig):
    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        before = body.read()
        rig.robot.broken = ConnectionError("cable pulled")
        until_ns = rig.clock.now_ns() + round(0.05 * NS_PER_S)
        body.advance(until_ns)
        assert body.status == BodyStatus(BodyState.FAULT, "the robot cannot be read: ConnectionError: cable pulled")
        assert body.read().stamp_ns == before.stamp_ns
        assert rig.clock.now_ns() >= until_ns - 10_000_000  # time goes on


def test_a_held_body_keeps_balancing_and_takes_no_references(rig):
    with rig.body as body:
        body.reset()
        body.push(reference(rig))
        body.hold("somebody pressed stop")
        body.push(reference(rig, STANDING + 0.1))
        stepped = len(rig.tracker.stepped_ns)
        advance(rig, 0.1)
        assert np.abs(np.array([pushed.vector for pushed in rig.tracker.pushed]) - STANDING).max() < 1e-12
        assert len(rig.tracker.stepped_ns) == stepped + 10
        assert body.status == BodyStatus(BodyState.HOLDING, "somebody pressed stop")


def test_the_first_reason_to_hold_stays_and_what_damps_it_later_is_added(rig):
    with rig.body as body:
        body.reset()
        body.hold("the camera is gone")
        body.hold("the page was closed")
        rig.tracker.broken = InputError("no solution")
        advance(rig, 0.02)
        assert body.status.fault == "the camera is gone; then the control step failed: no solution"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), RuntimeError("a bug elsewhere")])
def test_leaving_by_any_way_ends_with_braking_motors(rig, error):
    with pytest.raises(type(error)), rig.body as body:
        body.reset()
        advance(rig, 0.05)
        raise error
    assert rig.robot.entered == 0
    assert brakes(rig.robot.commands[-1])
    assert sum(map(brakes, rig.robot.commands)) == 1


def test_grippers_keep_what_they_hold_when_the_motors_are_damped(rig):
    closed = pack(UNITREE_G1.default_rad, np.array([1.0, 0.0]), np.zeros(3))
    with rig.body as body:
        body.reset()
        body.push(reference(rig, closed))
        advance(rig, 0.05)
    np.testing.assert_array_equal(rig.robot.commands[-1].gripper_opening, [1.0, 0.0])


def test_a_body_that_was_entered_and_never_reset_commands_nothing(rig):
    with rig.body as body:
        assert body.status == BodyStatus(BodyState.DISARMED, "the body was not reset yet")
        body.push(reference(rig))
        advance(rig, 0.1)
    assert rig.robot.commands == []


def test_braking_that_failed_is_tried_again_at_the_next_step(rig, monkeypatch):
    command, refused = rig.robot.command, []

    def refuse_once(command_):
        if not refused:
            refused.append(command_)
            raise ConnectionError("a hiccup")
        command(command_)

    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        rig.tracker.broken = ValueError("a bug")
        monkeypatch.setattr(rig.robot, "command", refuse_once)
        advance(rig, 0.05)
        assert brakes(refused[0])
        assert brakes(rig.robot.commands[-1])


@pytest.fixture
def interrupted(rig, monkeypatch):
    """Lets Ctrl+C come while the robot takes its next command."""
    command, calls = rig.robot.command, []

    def interrupt_once(command_):
        calls.append(command_)
        if len(calls) == 1:
            raise KeyboardInterrupt
        command(command_)

    return lambda: monkeypatch.setattr(rig.robot, "command", interrupt_once)


def test_ctrl_c_while_braking_brakes_again_on_leaving(rig, interrupted):
    with pytest.raises(KeyboardInterrupt), rig.body as body:
        body.reset()
        advance(rig, 0.05)
        rig.tracker.broken = ValueError("a bug")
        interrupted()
        advance(rig, 0.05)
    assert brakes(rig.robot.commands[-1])
    assert rig.robot.entered == 0


def test_a_second_ctrl_c_while_leaving_brakes_all_the_same(rig, interrupted):
    with pytest.raises(KeyboardInterrupt), rig.body as body:
        body.reset()
        advance(rig, 0.05)
        interrupted()
    assert brakes(rig.robot.commands[-1])
    assert rig.robot.entered == 0


def test_a_caller_that_is_always_late_still_gets_a_step_each_time_and_missed_slots_are_counted(rig):
    with rig.body as body:
        body.reset()
        for late in range(1, 6):
            rig.clock.wait_until(rig.clock.now_ns() + 200_000_000)
            body.advance(rig.clock.now_ns() - 150_000_000)
            assert len(rig.robot.commands) == late
        assert body.status.tracking
        assert body.missed_slots > 50


def test_a_body_that_nobody_advances_for_long_is_damped(rig):
    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        rig.clock.wait_until(rig.clock.now_ns() + 700_000_000)
        advance(rig, 0.05)
        assert body.status.state is BodyState.FAULT
        assert body.status.fault.startswith("the body was not advanced for 0.7")
        assert brakes(rig.robot.commands[-1])


def test_a_bug_in_taking_a_reference_damps(rig, monkeypatch):
    def fail(reference):
        raise ZeroDivisionError

    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        monkeypatch.setattr(rig.tracker, "push", fail)
        body.push(reference(rig))
        assert body.status.fault == "the tracker failed: ZeroDivisionError: "
        assert brakes(rig.robot.commands[-1])


def test_a_damped_body_still_measures(rig):
    with rig.body as body:
        body.reset()
        rig.tracker.broken = ValueError("a bug")
        advance(rig, 1.0)
        assert body.read().stamp_ns == rig.clock.now_ns()


def test_gripper_openings_that_are_not_numbers_are_never_sent(rig):
    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        rig.robot.opening = np.array([np.nan, 1.0])
        advance(rig, 0.05)
        assert body.status.fault == "the measured gripper opening is not a number in left"
    assert np.isfinite([command.gripper_opening for command in rig.robot.commands]).all()


def test_a_robot_that_refuses_to_be_damped_is_left_all_the_same(rig, monkeypatch, caplog):
    def refuse(command):
        raise ConnectionError("cable pulled")

    with rig.body as body:
        body.reset()
        monkeypatch.setattr(rig.robot, "command", refuse)
    assert rig.robot.entered == 0
    assert "could not be damped" in caplog.text


@pytest.mark.parametrize("control_hz", [0.0, float("nan")])
def test_rates_out_of_range_are_refused(control_hz):
    with pytest.raises(InputError, match="control_hz must be positive"):
        LockstepConfig(control_hz=control_hz)


@pytest.mark.parametrize("quat", [(0.0, 0.0, 0.0, 0.0), (np.nan, 0.0, 0.0, 0.0), (0.5, 0.5, 0.5, 0.0)])
def test_an_inertial_unit_that_measures_no_orientation_damps_and_its_measurement_reaches_nobody(rig, quat, monkeypatch):
    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        good = body.read()
        monkeypatch.setattr(rig.robot, "read", lambda: replace(good, quat_world_from_pelvis_wxyz=np.array(quat)))
        assert body.read().quat_world_from_pelvis_wxyz.tolist() == good.quat_world_from_pelvis_wxyz.tolist()
        assert body.status.state is BodyState.FAULT
        assert body.status.fault.startswith("the measured orientation ")
        assert brakes(rig.robot.commands[-1])
