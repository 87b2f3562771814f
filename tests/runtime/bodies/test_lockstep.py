import numpy as np
import pytest
from fakes import FakeRig

from hlm.core.body import BodyMode, BodyStatus
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
        assert body.status.mode is BodyMode.DAMPED
        assert body.status.fault.startswith("the commanded position is not a number in left_hip_pitch, left_hip_roll")
        (last,) = rig.robot.commands[good:]
        assert brakes(last)


def test_a_bug_in_the_tracker_damps_the_motors_and_says_what_it_was(rig):
    with rig.body as body:
        body.reset()
        rig.tracker.broken = ZeroDivisionError("by zero")
        advance(rig, 0.05)
        assert body.status == BodyStatus(BodyMode.DAMPED, "the control step failed: ZeroDivisionError: by zero")
        assert brakes(rig.robot.commands[-1])


def test_a_robot_that_stops_answering_is_damped_and_its_last_measurement_keeps_its_stamp(rig):
    with rig.body as body:
        body.reset()
        advance(rig, 0.05)
        before = body.read()
        rig.robot.broken = ConnectionError("cable pulled")
        until_ns = rig.clock.now_ns() + round(0.05 * NS_PER_S)
        body.advance(until_ns)
        assert body.status == BodyStatus(BodyMode.DAMPED, "the robot cannot be read: ConnectionError: cable pulled")
        assert body.read().stamp_ns == before.stamp_ns
        assert rig.clock.now_ns() == until_ns  # time goes on


def test_a_held_body_keeps_balancing_and_takes_no_references(rig):
    with rig.body as body:
        body.reset()
        body.push(reference(rig))
        body.hold("somebody pressed stop")
        body.push(reference(rig, STANDING + 0.1))
        stepped = len(rig.tracker.stepped_ns)
        advance(rig, 0.1)
        assert len(rig.tracker.pushed) == 1
        assert len(rig.tracker.stepped_ns) == stepped + 10
        assert body.status == BodyStatus(BodyMode.HELD, "somebody pressed stop")


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
    with rig.body:
        pass
    assert rig.robot.commands == []
    with pytest.raises(InputError, match="read before it was reset"):
        rig.body.read()


def test_a_robot_that_refuses_to_be_damped_is_left_all_the_same(rig, monkeypatch, caplog):
    def refuse(command):
        raise ConnectionError("cable pulled")

    with rig.body as body:
        body.reset()
        monkeypatch.setattr(rig.robot, "command", refuse)
    assert rig.robot.entered == 0
    assert "could not be damped" in caplog.text


@pytest.mark.parametrize("change", [{"control_hz": 0.0}, {"stale_s": float("nan")}])
def test_rates_out_of_range_are_refused(change):
    with pytest.raises(InputError, match="must be positive"):
        LockstepConfig(**change)
