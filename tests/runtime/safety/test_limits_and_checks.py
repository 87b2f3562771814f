from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hlm.control.measurement import state_fault
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import GRIPPERS, NAMES, ROOT_PITCH, ROOT_YAW_RATE, pack
from hlm.core.values import RobotState
from hlm.runtime.safety.braking import damping_command
from hlm.runtime.safety.checks import command_fault, reference_fault
from hlm.runtime.safety.command_limits import CommandLimitConfig
from hlm.runtime.safety.reference_limits import JOINT_SPEED_SHARE, MAX_GRIPPER_SPEED_PER_S, ReferenceLimits

# Commands come at 500 Hz; a drive that held its torque from one to the next would be the slowest.
DRIVE_STEP_S = 0.002
LIMITS = ReferenceLimits(UNITREE_G1)
LOWER = pack(UNITREE_G1.lower_rad, np.zeros(2), np.array([-0.9, -0.9, -2.0]))
UPPER = pack(UNITREE_G1.upper_rad, np.ones(2), np.array([0.9, 0.9, 2.0]))
SPEED = pack(
    JOINT_SPEED_SHARE * UNITREE_G1.velocity_rad_s, np.full(2, MAX_GRIPPER_SPEED_PER_S), np.array([3.0, 3.0, 20.0])
)
STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))

anything = arrays(np.float64, (34,), elements=st.floats(-1e6, 1e6))
inside = arrays(np.float64, (34,), elements=st.floats(0.0, 1.0)).map(lambda share: LOWER + share * (UPPER - LOWER))
times_s = st.floats(1e-3, 1.0)


@given(anything, inside, times_s)
def test_ranges_and_speeds_hold_whatever_is_asked(wanted, previous, dt_s):
    limited = LIMITS.limited(wanted, previous, dt_s)
    assert (limited >= LOWER - 1e-9).all()
    assert (limited <= UPPER + 1e-9).all()
    assert (np.abs(limited - previous) <= SPEED * dt_s + 1e-9).all()


@given(inside, arrays(np.float64, (34,), elements=st.floats(-1.0, 1.0)), times_s)
def test_an_admissible_reference_passes_unchanged(previous, share, dt_s):
    wanted = np.clip(previous + share * SPEED * dt_s, LOWER, UPPER)
    np.testing.assert_allclose(LIMITS.limited(wanted, previous, dt_s), wanted, rtol=0.0, atol=1e-12)


@given(anything, inside, times_s)
def test_limiting_twice_is_limiting_once(wanted, previous, dt_s):
    once = LIMITS.limited(wanted, previous, dt_s)
    np.testing.assert_allclose(LIMITS.limited(once, previous, dt_s), once, rtol=0.0, atol=1e-9)


@given(anything, inside)
def test_with_enough_time_the_nearest_admissible_reference_is_reached(wanted, previous):
    current = previous
    for _ in range(40):
        current = LIMITS.limited(wanted, current, 1.0)
    np.testing.assert_allclose(current, np.clip(wanted, LOWER, UPPER), atol=1e-9)


@given(anything)
def test_what_is_inside_the_ranges_is_the_same_and_what_is_not_is_brought_there(wanted):
    nearest = LIMITS.inside(wanted)
    assert ((nearest >= LOWER) & (nearest <= UPPER)).all()
    assert LIMITS.inside(nearest) is nearest
    np.testing.assert_array_equal(nearest, np.clip(wanted, LOWER, UPPER))


def test_arguments_stay_as_they_are():
    wanted, previous = np.full(34, 5.0), STANDING.copy()
    LIMITS.limited(wanted, previous, 0.1)
    assert (wanted == 5.0).all()
    np.testing.assert_array_equal(previous, STANDING)


def test_a_start_outside_of_the_ranges_comes_back_inside():
    previous = STANDING.copy()
    previous[ROOT_PITCH] = 1.1
    limited = LIMITS.limited(previous, previous, 1.0 / 30.0)
    assert limited[ROOT_PITCH] == pytest.approx(1.1 - 3.0 / 30.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, GRIPPERS[0], 20, ROOT_YAW_RATE])
def test_what_is_not_a_number_is_named_by_its_dimension(bad, place):
    reference = STANDING.copy()
    reference[place] = bad
    assert reference_fault(reference) == f"the reference is not a number in {NAMES[place]}"


def test_several_bad_dimensions_are_named_but_not_all_34():
    expected = "the reference is not a number in left_shoulder_pitch, left_shoulder_roll, left_shoulder_yaw and 31 more"
    assert reference_fault(np.full(34, np.nan)) == expected


@given(inside)
def test_a_finite_reference_can_be_followed(reference):
    assert reference_fault(reference) == ""


STATE = RobotState(7, UNITREE_G1.default_rad, np.zeros(29), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))
COMMAND = damping_command(UNITREE_G1, 5, np.array([0.2, 0.9]))


@pytest.mark.parametrize(
    ("field", "place", "text"),
    [
        ("joint_position_rad", 3, "the measured position is not a number in left_knee"),
        ("joint_velocity_rad_s", 12, "the measured velocity is not a number in waist_yaw"),
        ("quat_world_from_pelvis_wxyz", 0, "the measured orientation is not a number in w"),
        ("angular_velocity_pelvis_in_pelvis_rad_s", 2, "the measured angular velocity is not a number in z"),
        ("gripper_opening", 1, "the measured gripper opening is not a number in right"),
    ],
)
def test_a_measurement_that_is_not_a_number_is_named(field, place, text):
    values = np.array(getattr(STATE, field))
    values[place] = np.nan
    assert state_fault(STATE, UNITREE_G1) == ""
    assert state_fault(replace(STATE, **{field: values}), UNITREE_G1) == text


@pytest.mark.parametrize(
    ("field", "place", "text"),
    [
        ("torque_nm", 3, "the commanded torque is not a number in left_knee"),
        ("joint_position_rad", 0, "the commanded position is not a number in left_hip_pitch"),
        ("joint_velocity_rad_s", 28, "the commanded velocity is not a number in right_wrist_yaw"),
        ("kp_nm_rad", 5, "the commanded stiffness is not a number in left_ankle_roll"),
        ("kd_nm_s_rad", 5, "the commanded damping is not a number in left_ankle_roll"),
        ("gripper_opening", 0, "the commanded gripper opening is not a number in left"),
    ],
)
def test_a_command_that_is_not_a_number_is_named(field, place, text):
    values = np.array(getattr(COMMAND, field))
    values[place] = np.inf
    assert command_fault(COMMAND) == ""
    assert command_fault(replace(COMMAND, **{field: values})) == text


def test_damping_brakes_every_joint_pushes_none_and_keeps_the_grip():
    assert COMMAND.stamp_ns == 5
    assert not COMMAND.kp_nm_rad.any()
    assert not COMMAND.torque_nm.any()
    assert not COMMAND.joint_velocity_rad_s.any()
    assert (COMMAND.kd_nm_s_rad > 0.0).all()
    np.testing.assert_array_equal(COMMAND.gripper_opening, [0.2, 0.9])


def test_damping_is_one_that_commands_may_have_and_slows_bare_rotors_from_step_to_step():
    reference = np.array([joint.kd_nm_s_rad for joint in UNITREE_G1.joints])
    assert (COMMAND.kd_nm_s_rad <= CommandLimitConfig().gain_share * reference).all()
    kept = 1.0 - COMMAND.kd_nm_s_rad * DRIVE_STEP_S / UNITREE_G1.armature_kg_m2
    assert (np.abs(kept) < 0.75).all()


@given(inside, arrays(np.float64, (34,), elements=st.floats(-1.0, 1.0)))
def test_what_a_policy_overshoots_is_sensible(reference, overshoot):
    assert LIMITS.fault(reference + overshoot) == ""


@pytest.mark.parametrize("wanted", [1e6, -1e6, 8.0])
def test_what_no_joint_could_ever_do_is_not(wanted):
    reference = STANDING.copy()
    reference[3] = wanted
    assert LIMITS.fault(reference).startswith(f"the reference of left_elbow is {wanted:.4g} rad, far outside of")
