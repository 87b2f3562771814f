"""Limits of arms and waist: what is slow enough stays as it is, what is not is followed as fast as they may move."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.upper_body_limits import UpperBodyConfig, UpperBodyLimits
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ARMS, MOTOR_LEGS, MOTOR_WAIST

CONFIG = UpperBodyConfig()
GROUPS = [
    (MOTOR_WAIST, np.array(CONFIG.waist_speed_rad_s), np.array(CONFIG.waist_acceleration_rad_s2)),
    (MOTOR_ARMS, CONFIG.arm_speed_rad_s, CONFIG.arm_acceleration_rad_s2),
]
DT_S = 0.01
MET_RAD = 0.002  # a joint this near to its reference is put there
TIMES_S = np.arange(0.0, 3.0, DT_S)


def sample_at(position_rad, velocity_rad_s=0.0, acceleration_rad_s2=0.0):
    """A reference with all joints alike."""
    return replace(
        ReferenceSample(*([None] * 21), 0.0),
        joint_position_rad=np.broadcast_to(position_rad, 29).astype(float),
        joint_velocity_rad_s=np.broadcast_to(velocity_rad_s, 29).astype(float),
        joint_acceleration_rad_s2=np.broadcast_to(acceleration_rad_s2, 29).astype(float),
    )


def moved(position_rad, velocity_rad_s, dt_s=DT_S):
    """[time, joint] positions, velocities and accelerations of joints at rest that are all asked for one path."""
    limits = UpperBodyLimits(CONFIG)
    limits.limited(sample_at(position_rad[0]), dt_s)
    path = [limits.limited(sample_at(*now), dt_s) for now in zip(position_rad, velocity_rad_s, strict=True)]
    return tuple(
        np.array([getattr(one, name) for one in path])
        for name in ("joint_position_rad", "joint_velocity_rad_s", "joint_acceleration_rad_s2")
    )


def step_of(height_rad):
    """A reference that jumps after half a second; its position and velocity."""
    return np.where(TIMES_S < 0.5, 0.0, height_rad), np.zeros_like(TIMES_S)


def sine(amplitude_rad, frequency_hz):
    """A reference that swings from rest between 0 and twice the amplitude."""
    phase = 2.0 * np.pi * frequency_hz * TIMES_S
    return amplitude_rad * (1.0 - np.cos(phase)), amplitude_rad * 2.0 * np.pi * frequency_hz * np.sin(phase)


def reversal(speed_rad_s):
    """A reference that goes up at a speed for half a second, down for another, and stops, each at once."""
    up, down = np.minimum(TIMES_S, 0.5), np.clip(TIMES_S - 0.5, 0.0, 0.5)
    return speed_rad_s * (up - down), speed_rad_s * np.select([TIMES_S < 0.5, TIMES_S < 1.0], [1.0, -1.0], 0.0)


FAST = [step_of(0.05), step_of(1.0), step_of(-2.5), sine(1.0, 3.0), sine(0.3, 5.0), reversal(5.0), reversal(12.0)]
COME_TO_REST = [step_of(0.05), step_of(1.0), step_of(-2.5), reversal(5.0)]


def test_what_is_slow_enough_stays_as_it_is_bit_by_bit():
    limits = UpperBodyLimits(CONFIG)
    for time_s in TIMES_S:
        # The lowest limits are those of the waist's roll: at most 1.5 rad/s and 7.5 rad/s2 of its 2 and 8.
        slow = sample_at(0.3 * np.sin(5.0 * time_s), 1.5 * np.cos(5.0 * time_s), -7.5 * np.sin(5.0 * time_s))
        assert limits.limited(slow, DT_S) is slow


@pytest.mark.parametrize("path", FAST)
@pytest.mark.parametrize(("joints", "speed_rad_s", "acceleration_rad_s2"), GROUPS)
def test_no_speed_or_acceleration_is_exceeded(joints, speed_rad_s, acceleration_rad_s2, path):
    positions, velocities, _ = (values[:, joints] for values in moved(*path))
    assert (np.abs(velocities) <= speed_rad_s + 1e-9).all()
    assert (np.abs(np.diff(velocities, axis=0, prepend=0.0)) <= acceleration_rad_s2 * DT_S + 1e-9).all()
    # A joint that comes to its reference is put there, from as far away as counts as having come.
    put_rad = acceleration_rad_s2 * DT_S**2 + MET_RAD
    assert (np.abs(np.diff(positions, axis=0)) <= speed_rad_s * DT_S + put_rad).all()


@pytest.mark.parametrize("path", FAST)
def test_the_accelerations_told_are_those_of_the_velocities(path):
    positions, velocities, accelerations = (values[:, 12:] for values in moved(*path))
    limited = np.abs(positions - path[0][:, None]) > 1e-12
    told = accelerations[1:][limited[1:]]
    np.testing.assert_allclose(told, (np.diff(velocities, axis=0) / DT_S)[limited[1:]], atol=1e-9)
    assert len(told) > 0


@pytest.mark.parametrize("path", COME_TO_REST)
def test_a_joint_comes_to_rest_at_its_reference(path):
    positions, velocities, _ = (values[TIMES_S >= 2.4, 12:] for values in moved(*path))
    np.testing.assert_array_equal(positions, path[0][-1])
    np.testing.assert_array_equal(velocities, 0.0)


@pytest.mark.parametrize("height_rad", [0.05, 0.3, 1.0, -2.5])
@pytest.mark.parametrize("dt_s", [0.01, 0.008])
def test_a_step_is_not_overshot_by_more_than_counts_as_having_come(height_rad, dt_s):
    positions, _, _ = moved(*step_of(height_rad), dt_s)
    beyond = (np.sign(height_rad) * (positions - height_rad))[:, 12:].max()
    assert beyond < MET_RAD + 0.5 * CONFIG.arm_acceleration_rad_s2 * dt_s**2


def test_a_reference_that_stops_at_once_is_overshot_by_no_more_than_braking_takes():
    ramp_rad, ramp_rad_s = 1.5 * np.minimum(TIMES_S, 0.5), np.where(TIMES_S < 0.5, 1.5, 0.0)
    positions, _, _ = moved(ramp_rad, ramp_rad_s)
    for joints, _, acceleration_rad_s2 in GROUPS:
        beyond = (positions[:, joints] - 0.75).max(axis=0)
        assert (beyond > 0.0).all()
        assert (beyond < 1.5**2 / (2.0 * acceleration_rad_s2) + 1.5 * DT_S).all()


def test_legs_and_everything_else_are_left_alone():
    limits = UpperBodyLimits(CONFIG)
    limits.limited(sample_at(0.0), DT_S)
    far = sample_at(1.0, 9.0, 99.0)
    before = far.joint_position_rad.copy()
    limited = limits.limited(far, DT_S)
    for name in ("joint_position_rad", "joint_velocity_rad_s", "joint_acceleration_rad_s2"):
        np.testing.assert_array_equal(getattr(limited, name)[MOTOR_LEGS], getattr(far, name)[MOTOR_LEGS])
    np.testing.assert_array_equal(far.joint_position_rad, before)
    assert limited.double_support_s == far.double_support_s


def test_a_joint_that_is_slow_stays_as_it_is_while_another_is_limited():
    limits, one = UpperBodyLimits(CONFIG), np.arange(29) == MOTOR_ARMS.start
    limits.limited(sample_at(0.0), DT_S)
    limited = limits.limited(sample_at(np.where(one, 1.0, 0.001), 0.05, 7.0), DT_S)
    assert limited.joint_position_rad[MOTOR_ARMS.start] < 0.01
    np.testing.assert_array_equal(limited.joint_position_rad[~one], 0.001)
    np.testing.assert_array_equal(limited.joint_velocity_rad_s[~one], 0.05)
    np.testing.assert_array_equal(limited.joint_acceleration_rad_s2[~one], 7.0)


def test_a_reset_starts_at_the_next_reference_wherever_it_is():
    limits = UpperBodyLimits(CONFIG)
    limits.limited(sample_at(0.0), DT_S)
    limits.reset()
    far = sample_at(2.0)
    assert limits.limited(far, DT_S) is far
    assert limits.limited(far, DT_S) is far


def test_a_tick_without_time_moves_nothing():
    limits = UpperBodyLimits(CONFIG)
    limits.limited(sample_at(0.0), DT_S)
    before = limits.limited(sample_at(1.0), DT_S)
    again = limits.limited(sample_at(1.0), 0.0)
    np.testing.assert_array_equal(again.joint_position_rad[MOTOR_ARMS], before.joint_position_rad[MOTOR_ARMS])
    np.testing.assert_array_equal(again.joint_velocity_rad_s[MOTOR_WAIST], before.joint_velocity_rad_s[MOTOR_WAIST])
    assert 0.0 < limits.limited(sample_at(1.0), DT_S).joint_position_rad[MOTOR_ARMS.start] < 0.03


@pytest.mark.parametrize("name", UpperBodyConfig.__slots__)
def test_speeds_and_accelerations_are_positive(name):
    with pytest.raises(InputError, match=f"{name} must be positive, got 0"):
        UpperBodyConfig(**{name: 0.0})
